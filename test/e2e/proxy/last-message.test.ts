/** What `kubectl describe pod` shows of a proxy that cannot start or continue. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { describeInNamespaces } from '../../support/netns.ts';
import { dist, findFreePort, until } from '../../support/proxy-process.ts';

const proxy = join(dist, 'proxy');
const valid = {
  PATH: process.env['PATH'],
  AZURE_CLIENT_ID: 'a1a1a1a1-0000-4000-8000-00000000000a',
  AZURE_TENANT_ID: 'b1b1b1b1-0000-4000-8000-00000000000b',
  AZURE_FEDERATED_TOKEN_FILE: '/var/run/none',
  IMDS_PROXY_ADMIN_PORT: '0',
  IMDS_PROXY_PASSTHROUGH: 'off',
  IMDS_PROXY_DRAIN_DEADLINE: '1s',
};

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'last-message-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function makeLog(): string {
  const file = join(makeFolder(), 'termination-log');
  writeFileSync(file, '');
  return file;
}

/** Runs the proxy until it ends. */
function run(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const file = makeLog();
  const { status, stderr } = spawnSync(proxy, args, {
    env: { ...valid, IMDS_PROXY_TERMINATION_LOG: file, ...env },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, stderr, text: readFileSync(file, 'utf8') };
}

describe('the termination log of the proxy', () => {
  test('names the settings at fault, with the fix', () => {
    const { status, text } = run({ AZURE_CLIENT_ID: 'nobody' }, '--proxy-port=99999');
    expect(status).toBe(1);
    expect(text.split('\n')).toEqual([
      expect.stringMatching(/^--proxy-port: "99999" is not a valid port; set a port number/),
      expect.stringMatching(/^AZURE_CLIENT_ID: "nobody" is not a GUID; write it like/),
      '',
    ]);
  });

  test.each([
    ['IMDS_PROXY_IDENTITY_HEADER', 'correct horse battery staple'],
    ['HTTPS_PROXY', 'ftp://user:horse@proxy.example:3128'],
    ['HTTPS_PROXY', 'http://user:horse@'],
    ['HTTPS_PROXY', 'http://user:horse@proxy.example:99999'],
    ['https_proxy', 'http://user:horse@proxy example'],
    ['HTTP_PROXY', 'http://user:ho%rse@proxy.example/horse'],
  ])('has no secret if %s is at fault', (name, value) => {
    const { status, stderr, text } = run({ [name]: value });
    expect(status).toBe(1);
    expect(text).toContain(name);
    expect(`${stderr}${text}`).not.toMatch(/horse|ho%rse/);
  });

  test('names a flag that does not exist', () => {
    const { status, text } = run({}, '--prot=1');
    expect(status).toBe(2);
    expect(text).toMatch(/^Malformed command line: .*prot/);
  });

  test('names a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as { readonly port: number };
    const { status, text } = run({}, `--proxy-port=${port}`);
    expect(status).toBe(1);
    expect(text).toContain(`${port} is in use on 127.0.0.1`);
  });

  test('has the error that nothing caught, without tokens', () => {
    const file = join(makeFolder(), 'fault.cjs');
    const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
    writeFileSync(file, `setImmediate(() => { throw new Error('boom ${token}'); });`);
    const { status, text } = run({ NODE_OPTIONS: `--require=${file}` });
    expect(status).toBe(1);
    expect(text).toBe('Unrecoverable error: Error: boom [redacted]\n');
  });

  test.each([
    ['does not exist', (file: string) => rmSync(file)],
    [
      'is another kind of file',
      (file: string) => {
        rmSync(file);
        spawnSync('mkfifo', [file]);
      },
    ],
  ])('changes nothing if it %s', (_, spoil) => {
    const file = makeLog();
    spoil(file);
    const { status, stderr } = spawnSync(proxy, ['--proxy-port=0'], {
      env: { ...valid, IMDS_PROXY_TERMINATION_LOG: file },
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(status).toBe(1);
    expect(stderr).toContain('--proxy-port: "0" is not a valid port');
  });

  test.each(['--version', '--help', 'inject --nope'])('%s writes nothing', (args) => {
    expect(run({}, ...args.split(' ')).text).toBe('');
  });
});

describeInNamespaces('in a container', () => {
  /** Starts the proxy as the first process of a process namespace. */
  async function startFirst(file: string) {
    const port = await findFreePort();
    const child = spawn(
      'unshare',
      [
        '--pid',
        '--fork',
        '--mount-proc',
        '--kill-child',
        proxy,
        `--proxy-port=${port}`,
        '--log-level=info',
      ],
      { env: { ...valid, IMDS_PROXY_TERMINATION_LOG: file }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let output = '';
    child.stderr.on('data', (text: Buffer) => {
      output += text.toString();
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await until(() => output.includes('starting the proxy server'), 'a proxy that listens');
    const first = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
    return { child, first };
  }

  test('a command that kubectl exec runs beside the proxy leaves its message alone', async () => {
    const file = makeLog();
    const { first } = await startFirst(file);
    const { status } = spawnSync(
      'nsenter',
      [`--target=${first}`, '--pid', '--mount', proxy, '--proxy-port=0'],
      { env: { ...valid, IMDS_PROXY_TERMINATION_LOG: file }, timeout: 60_000 },
    );
    expect(status).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe('');
  });

  test('a proxy that is told to stop leaves no message', async () => {
    const file = makeLog();
    const { child, first } = await startFirst(file);
    process.kill(Number(first), 'SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('');
  });

  test('the first process of a container writes it', () => {
    const file = makeLog();
    const { status } = spawnSync(
      'unshare',
      ['--pid', '--fork', '--mount-proc', '--kill-child', proxy, '--proxy-port=0'],
      { env: { ...valid, IMDS_PROXY_TERMINATION_LOG: file }, timeout: 60_000 },
    );
    expect(status).toBe(1);
    expect(readFileSync(file, 'utf8')).toContain('--proxy-port: "0" is not a valid port');
  });
});
