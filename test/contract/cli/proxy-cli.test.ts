import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

const proxy = join(import.meta.dirname, '../../../dist/proxy');

interface Result {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const required = {
  AZURE_TENANT_ID: '11111111-2222-3333-4444-555555555555',
  AZURE_FEDERATED_TOKEN_FILE: '/nowhere/token',
} as const;

function start(argv: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = spawn(proxy, argv, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function run(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const child = start(argv, env);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr?.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const [exitCode] = await once(child, 'close');
  return { exitCode, stdout, stderr };
}

/** The lines of standard error that are JSON, and those that are not. */
function split(stderr: string): { readonly plain: string[]; readonly json: unknown[] } {
  const lines = stderr.split('\n').filter((line) => line !== '');
  return {
    plain: lines.filter((line) => !line.startsWith('{')),
    json: lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)),
  };
}

describe('--version', () => {
  test.each([['--version'], ['-version'], ['--version=true'], ['--log-level=x', '--version']])(
    '%j prints one line of JSON with the keys of upstream, and needs no configuration',
    async (...argv) => {
      const { exitCode, stdout, stderr } = await run(argv);
      expect([exitCode, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^\{.*\}\n$/);
      expect(JSON.parse(stdout)).toEqual({
        buildVersion: expect.stringMatching(/^\d+\.\d+\.\d+/),
        gitCommit: expect.stringMatching(/^([0-9a-f]{40}|unknown)$/),
        buildDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        nodeVersion: process.version,
        platform: expect.stringMatching(/^[a-z0-9]+\/[a-z0-9]+$/),
      });
    },
  );
});

describe('--help', () => {
  test.each(['-h', '-help', '--help'])(
    '%s prints every setting on stdout and exits 0',
    async (flag) => {
      const { exitCode, stdout, stderr } = await run([flag]);
      expect([exitCode, stderr]).toEqual([0, '']);
      for (const word of ['--proxy-port <port>', '--probe', 'AZURE_TENANT_ID (required)']) {
        expect(stdout).toContain(word);
      }
    },
  );
});

describe('a malformed command line: usage on stderr, exit code 2', () => {
  test.each([
    [['--nope'], 'proxy: unknown flag --nope'],
    [['--proxy-port'], 'proxy: --proxy-port needs a value'],
    [['--probe', '--version'], 'proxy: --version and --probe exclude each other'],
    [['--probe', 'x'], 'proxy: unexpected argument "x"'],
    [['nope'], 'proxy: unknown command "nope"'],
    [['toString'], 'proxy: unknown command "toString"'],
    [['serve', '--nope'], 'proxy: unknown flag --nope'],
  ])('%j', async (argv, message) => {
    const { exitCode, stdout, stderr } = await run(argv, required);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')[0]).toBe(message);
    expect(stderr).toContain('Usage: proxy [serve] [flags]');
  });
});

describe('a configuration at fault: a line each, and one of JSON in upstream’s words, exit code 1', () => {
  test('nothing is set', async () => {
    const { exitCode, stdout, stderr } = await run([]);
    expect([exitCode, stdout]).toEqual([1, '']);
    const { plain, json } = split(stderr);
    expect(plain).toHaveLength(2);
    expect(plain[0]).toMatch(/^proxy: AZURE_TENANT_ID not set; /);
    expect(plain[1]).toMatch(/^proxy: AZURE_FEDERATED_TOKEN_FILE not set; /);
    expect(json).toEqual([
      {
        level: 'error',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
        logger: 'proxy',
        message: 'unrecoverable error encountered',
        error: expect.stringMatching(/^setup: AZURE_TENANT_ID not set; .*\nAZURE_FEDERATED/),
      },
    ]);
  });

  test.each([
    ['--proxy-port=0'],
    ['--proxy-port=70000'],
    ['--log-level=loud'],
    ['--proxy-port=9808'],
  ])('%s', async (flag) => {
    const { exitCode, stderr } = await run([flag], required);
    expect(exitCode).toBe(1);
    expect(split(stderr).plain).toHaveLength(1);
  });
});

async function listen(status: number): Promise<number> {
  const server = createServer((_, response) => response.writeHead(status).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as { readonly port: number }).port;
}

describe('--probe', () => {
  test('exits 0, silent, when /readyz answers 200; it needs no other setting', async () => {
    const port = await listen(200);
    expect(await run([`--proxy-port=${port}`, '--probe', '--log-level='])).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('waits for a proxy that is not there yet', async () => {
    const port = await listen(200);
    const reserved = createServer();
    reserved.listen(0, '127.0.0.1');
    await once(reserved, 'listening');
    const late = (reserved.address() as { readonly port: number }).port;
    reserved.close();
    await once(reserved, 'close');
    const probe = run([`--proxy-port=${late}`, '--probe']);
    // A probe that is given a port where the proxy is ready is over: by then the other has been refused.
    expect((await run([`--proxy-port=${port}`, '--probe'])).exitCode).toBe(0);
    const server = createServer((_, response) => response.end());
    server.listen(late, '127.0.0.1');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    expect((await probe).exitCode).toBe(0);
  });

  test('exits 1 after 10 s and says why', { timeout: 20_000 }, async () => {
    const port = await listen(503);
    const startedAt = performance.now();
    const { exitCode, stderr } = await run([`--proxy-port=${port}`, '--probe']);
    expect(exitCode).toBe(1);
    expect(performance.now() - startedAt).toBeGreaterThan(9_000);
    expect(stderr).toMatch(
      new RegExp(
        `^failed to probe: http://127\\.0\\.0\\.1:${port}/readyz not ready .*: status 503; `,
      ),
    );
  });
});

describe('serving', () => {
  const quietFlags = ['--admin-port=0', '--passthrough=off'];

  /** A port that was free a moment ago. */
  async function freePort(): Promise<number> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };
    server.close();
    await once(server, 'close');
    return port;
  }

  async function serve(flags: readonly string[] = []): Promise<{
    readonly child: ChildProcess;
    readonly lines: Record<string, unknown>[];
    readonly exited: Promise<unknown[]>;
  }> {
    const port = await freePort();
    const argv = [`--proxy-port=${port}`, '--log-level=info', ...quietFlags, ...flags];
    const child = start(argv, { ...required, HTTPS_PROXY: 'http://user:hunter2@proxy' });
    const exited = once(child, 'exit');
    const lines: Record<string, unknown>[] = [];
    let rest = '';
    child.stderr?.on('data', (chunk) => {
      const whole = (rest + String(chunk)).split('\n');
      rest = whole.pop() ?? '';
      lines.push(...whole.map((line) => JSON.parse(line)));
    });
    expect((await run([`--proxy-port=${port}`, '--probe'])).exitCode).toBe(0);
    return { child, lines, exited };
  }

  test('the effective configuration is logged once, without secrets', async () => {
    const { child, lines, exited } = await serve(['--drain-quiet=0']);
    child.kill('SIGTERM');
    await exited;
    expect(lines.filter(({ message }) => message === 'effective configuration')).toMatchObject([
      { level: 'info', logger: 'proxy', tenant_id: required.AZURE_TENANT_ID, https_proxy: 'set' },
    ]);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s: exit code 0', async (signal) => {
    const { child, exited } = await serve(['--drain-quiet=0']);
    child.kill(signal);
    expect(await exited).toEqual([0, null]);
  });

  test('a second signal: exit code 1, at once', async () => {
    const { child, lines, exited } = await serve();
    child.kill('SIGTERM');
    child.kill('SIGINT');
    expect(await exited).toEqual([1, null]);
    expect(lines.filter(({ message }) => message === 'received shutdown signal')).toHaveLength(2);
  });

  test('a port in use: exit code 1, with the option to change', async () => {
    const port = await listen(200);
    const { exitCode, stderr } = await run([`--proxy-port=${port}`, ...quietFlags], required);
    expect(exitCode).toBe(1);
    expect(split(stderr).json).toMatchObject([
      {
        message: 'unrecoverable error encountered',
        error: expect.stringMatching(
          new RegExp(
            `^--proxy-port .*: ${port} is in use on 127\\.0\\.0\\.1; stop the program that listens`,
          ),
        ),
      },
    ]);
  });
});

describe('commands that work on files', () => {
  const images = ['--proxy-image=p', '--init-image=i', '--dry-run'];

  test.each([
    ['inject', images, '0 changed, 1 unchanged'],
    ['migrate', [], '0 workloads'],
    ['doctor', [], 'there is no pod in the input (1 object'],
  ])('%s reads more than the heap of the server holds', async (command, argv, report) => {
    const folder = await mkdtemp(join(tmpdir(), 'imds-proxy-large-input-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, 'large.yaml');
    const service = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n';
    await writeFile(path, `${`# ${'x'.repeat(98)}\n`.repeat(450_000)}${service}`);
    const { stdout, stderr } = await run([command, ...argv, path]);
    expect(`${stdout}${stderr}`).toContain(report);
  });

  test('pass the exit code on', async () => {
    const { exitCode, stderr } = await run(['migrate', '/nowhere/at-all.yaml']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('/nowhere/at-all.yaml:1: there is no such file or folder');
  });
});
