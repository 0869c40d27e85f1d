/** The archive for a support case, of a proxy that has a secret of every kind. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSharedFolder } from '../../../demo/shared-folder.ts';
import { maxEntryBytes } from '../../../src/doctor/bundle/bundle.ts';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import { dist, findFreePort, type ProxyProcess, startProxy } from '../../support/proxy-process.ts';

const password = 'marked/pässword+1';
const header = 'marked-header-0123456789-abcdefghijklmn';

let emulator: Emulator;
let folder: string;
let proxy: ProxyProcess;
/** What the application got: the access token. */
let accessToken: string;

beforeAll(async () => {
  folder = makeSharedFolder('doctor-bundle-');
  emulator = await startEmulator();
  proxy = await startProxy(emulator, {
    env: {
      HTTPS_PROXY: `http://user:${encodeURIComponent(password)}@127.0.0.1:9`,
      NO_PROXY: '127.0.0.1,localhost',
      IMDS_PROXY_IDENTITY_HEADER: header,
    },
    args: [`--metadata-endpoint=127.0.0.1:${await findFreePort()}`],
    withAdmin: true,
  });
  const query = 'api-version=2018-02-01&resource=https://vault.azure.net';
  const answer = await fetch(`${proxy.url}/metadata/identity/oauth2/token?${query}`, {
    headers: { Metadata: 'true' },
  });
  accessToken = ((await answer.json()) as { access_token: string }).access_token;
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await emulator.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Run {
  readonly exitCode: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

async function run(args: readonly string[], input: string | undefined = ''): Promise<Run> {
  const child = spawn(join(dist, 'proxy'), ['doctor', ...args], {
    env: { PATH: process.env['PATH'] },
  });
  const chunks: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stdout: Buffer.concat(chunks), stderr };
}

const inSidecar = (...args: readonly string[]): readonly string[] => [
  `--pid=${proxy.pid}`,
  ...args,
];

const list = (archive: string): readonly string[] =>
  execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).trim().split('\n');
const unpack = (archive: string, name: string): string =>
  execFileSync('tar', ['-xOzf', archive, `proxy-doctor/${name}`], { encoding: 'utf8' });

interface Spelling {
  /** As a log may have it. */
  readonly written: string;
  /** The part of it that nothing else can have. */
  readonly telling: string;
}

/** Every way of writing a value that somebody could read it from. */
function spell(secret: string): readonly Spelling[] {
  const whole = (text: string): Spelling => ({ written: text, telling: text });
  const base64 = ['', 'user:', 'ab', 'x'].map((before) =>
    Buffer.from(`${before}${secret}`).toString('base64'),
  );
  return [
    whole(secret),
    whole(encodeURIComponent(secret)),
    whole(encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase())),
    whole(JSON.stringify(secret).slice(1, -1)),
    whole(Buffer.from(secret).toString('hex')),
    ...[...base64, ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))].map(
      (text) => ({ written: text, telling: text.slice(8, -4) }),
    ),
  ];
}

/** Each secret whole, and the parts of tokens that say or prove something. */
function listSecrets(assertion: string): readonly string[] {
  const parts = [assertion, accessToken].flatMap((token) => [token, ...token.split('.').slice(1)]);
  return [password, header, ...parts];
}

describe('the archive of a sidecar', () => {
  test('has report, status, metrics and log, and no secret in any form', async () => {
    const assertion = (await readFile(emulator.tokenFile, 'utf8')).trim();
    const secrets = listSecrets(assertion);
    const log = [
      ...proxy.output,
      '{"level":"info","message":"an ordinary line"}',
      ...secrets.flatMap((secret) =>
        spell(secret).map(({ written }) => `{"level":"error","message":"leaked ${written} here"}`),
      ),
    ].join('\n');
    const archive = join(folder, 'case.tar.gz');
    const { exitCode, stdout, stderr } = await run(
      inSidecar(`--bundle=${archive}`, '--log=-'),
      log,
    );
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringMatching(
        /case\.tar\.gz: \d+ KiB\. Look at it before you send it: tar -xzf \S+\n$/,
      ),
    });
    expect(stdout.toString()).toMatch(/^proxy doctor, from the sidecar/);
    expect(list(archive)).toEqual(
      [
        'README.txt',
        'report.txt',
        'report.json',
        'statusz.json',
        'readyz.txt',
        'metrics.txt',
        'proxy.log',
      ].map((name) => `proxy-doctor/${name}`),
    );
    expect((await stat(archive)).mode & 0o777).toBe(0o600);
    expect(unpack(archive, 'README.txt')).toMatch(/doctor: +\d+\.\d+\.\d+ /);
    expect(unpack(archive, 'report.txt')).toContain('federated-token');
    expect(JSON.parse(unpack(archive, 'report.json')).checks.length).toBeGreaterThan(15);
    expect(unpack(archive, 'statusz.json')).toContain('https://vault.azure.net');
    expect(unpack(archive, 'metrics.txt')).toMatch(/^imds_proxy_\w+/m);
    expect(unpack(archive, 'proxy.log')).toContain('an ordinary line');
    const everything = list(archive)
      .map((name) => unpack(archive, name.replace('proxy-doctor/', '')))
      .join('\n');
    for (const secret of secrets) {
      for (const { telling } of spell(secret)) {
        expect(telling.length).toBeGreaterThan(8);
        expect(everything).not.toContain(telling);
      }
    }
  });

  test('goes to standard output, and the report to standard error', async () => {
    const { exitCode, stdout, stderr } = await run(inSidecar('--bundle=-'));
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^proxy doctor, from the sidecar/);
    const archive = join(folder, 'piped.tar.gz');
    await writeFile(archive, stdout);
    expect(list(archive)).not.toContain('proxy-doctor/proxy.log');
    expect(unpack(archive, 'README.txt')).toMatch(/log: +none\. Add --log/);
  });

  test('a log that is too long is cut, and the archive stays small', async () => {
    const archive = join(folder, 'long.tar.gz');
    await run(inSidecar(`--bundle=${archive}`, '--log=-'), `${'x'.repeat(99)}\n`.repeat(40_000));
    expect(unpack(archive, 'proxy.log').length).toBeLessThanOrEqual(maxEntryBytes);
  });

  test('a report that finds a failure is written as well', async () => {
    const archive = join(folder, 'failing.tar.gz');
    const { exitCode } = await run(['--pid=4194304', `--bundle=${archive}`]);
    expect(exitCode).toBe(1);
    expect(unpack(archive, 'report.txt')).toMatch(/^fail {2}/m);
  });
});

describe('nothing is overwritten', () => {
  test.each(['file', 'link', 'folder'])('%s', async (kind) => {
    const path = join(folder, `existing-${kind}`);
    if (kind === 'file') await writeFile(path, 'mine');
    else if (kind === 'link') await symlink('/nowhere', path);
    else await mkdir(path);
    const { exitCode, stdout, stderr } = await run(inSidecar(`--bundle=${path}`));
    expect({ exitCode, stdout: stdout.toString() }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toBe(
      `proxy doctor: --bundle: ${path} exists; name another file, or remove it\n`,
    );
    if (kind === 'file') expect(await readFile(path, 'utf8')).toBe('mine');
  });

  test('a place that cannot be written is named', async () => {
    const { exitCode, stderr } = await run(inSidecar('--bundle=/proc/case.tar.gz'));
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/--bundle: \/proc\/case\.tar\.gz /);
  });
});

test('files: the archive has the report, and nothing of the manifests', async () => {
  const archive = join(folder, 'files.tar.gz');
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', labels: { 'azure.workload.identity/use': 'true' } },
    spec: {
      containers: [{ name: 'app', env: [{ name: 'PASSWORD', value: 'marked-in-manifest' }] }],
    },
  };
  const { stderr } = await run(['-', `--bundle=${archive}`], JSON.stringify(pod));
  expect(stderr).toContain('files.tar.gz');
  expect(list(archive)).toHaveLength(3);
  for (const name of ['report.txt', 'report.json']) {
    expect(unpack(archive, name)).not.toContain('marked-in-manifest');
  }
});

test.each([
  [['--log=-'], '--log needs --bundle'],
  [['-', '--log=-', '--bundle=x'], 'standard input can be the log or the objects, not both'],
])('%j is refused', async (args, message) => {
  const { exitCode, stderr } = await run(args);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(message);
});
