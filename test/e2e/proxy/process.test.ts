import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import {
  dist,
  findFreePort,
  type ProxyProcess,
  startProxy,
  until,
} from '../../support/proxy-process.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());
beforeEach(() => {
  emulator.faults.clear();
  emulator.journal.clear();
});

function ask({ url }: ProxyProcess, resource = 'https://vault.azure.net'): Promise<Response> {
  const query = new URLSearchParams({ 'api-version': '2018-02-01', resource });
  return fetch(`${url}/metadata/identity/oauth2/token?${query}`, { headers: { Metadata: 'true' } });
}

async function connectTo({ host, port }: ProxyProcess): Promise<Socket> {
  const socket = connect(port, host).setEncoding('utf8').resume();
  // A reset is one of the ways to be turned away.
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

describe('asking Entra', () => {
  test('starts no other process', async () => {
    await using proxy = await startProxy(emulator);
    expect((await ask(proxy)).status).toBe(200);
    expect(proxy.children()).toEqual([]);
  });

  test('without a free file descriptor it answers 503, and a token when there is one', async () => {
    await using proxy = await startProxy(emulator, { maxFiles: 64 });
    const caller = await connectTo(proxy);
    // Beyond its limit it closes connections as soon as it has accepted them.
    const others = await Promise.all(Array.from({ length: 64 }, () => connectTo(proxy)));
    await until(
      () => others.some(({ destroyed }) => destroyed),
      'a connection that is turned away',
    );

    let answer = '';
    caller.on('data', (text) => {
      answer += text;
    });
    const query = 'api-version=2018-02-01&resource=https://vault.azure.net';
    const head = 'Host: 169.254.169.254\r\nMetadata: true\r\n\r\n';
    caller.write(`GET /metadata/identity/oauth2/token?${query} HTTP/1.1\r\n${head}`);
    await until(() => answer.endsWith('}') || caller.destroyed, 'an answer');
    expect(answer).toMatch(/^HTTP\/1.1 503 /);
    expect(answer).toContain('file descriptors');

    for (const connection of [caller, ...others]) connection.destroy();
    // The failure is remembered for a second.
    await expect.poll(async () => (await ask(proxy)).status, { timeout: 15_000 }).toBe(200);
    expect(proxy.child.exitCode).toBeNull();
  });
});

describe('stopping', () => {
  test('T26: requests in flight finish after SIGTERM, the exit code is 0, and nothing is left', async () => {
    await using proxy = await startProxy(emulator, { env: { IMDS_PROXY_DRAIN_QUIET: '200ms' } });
    emulator.faults.add({ effect: { kind: 'delay', delayMs: 1_000 }, requests: 1 });
    const answer = ask(proxy);
    // Sent later and answered: so the other one has arrived.
    await fetch(`${proxy.url}/readyz`);
    proxy.child.kill('SIGTERM');
    expect((await answer).status).toBe(200);
    expect(await proxy.untilExit()).toBe(0);
  });

  test('tokens are still served while requests keep coming', async () => {
    await using proxy = await startProxy(emulator, { env: { IMDS_PROXY_DRAIN_QUIET: '1s' } });
    await ask(proxy);
    proxy.child.kill('SIGTERM');
    await proxy.untilLogged(({ message }) => message === 'received shutdown signal');
    expect((await ask(proxy)).status).toBe(200);
    expect(await proxy.untilExit()).toBe(0);
  });

  test('callers who wait when its time is over hear so', async () => {
    await using proxy = await startProxy(emulator, {
      env: { IMDS_PROXY_DRAIN_QUIET: '200ms', IMDS_PROXY_DRAIN_DEADLINE: '1s' },
    });
    emulator.faults.add({ effect: { kind: 'hang' } });
    const answers = [ask(proxy), ask(proxy, 'https://storage.azure.com')];
    await until(() => emulator.journal.entries().length > 1, 'two requests at Entra');
    proxy.child.kill('SIGTERM');
    for (const answer of await Promise.all(answers)) {
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({
        error_description: 'The proxy is shutting down',
      });
    }
    expect(await proxy.untilExit()).toBe(0);
  });

  test('half a request does not keep it until its time is over', async () => {
    await using proxy = await startProxy(emulator, {
      // The test's own time is over before that.
      env: { IMDS_PROXY_DRAIN_QUIET: '200ms', IMDS_PROXY_DRAIN_DEADLINE: '10m' },
    });
    // On a connection that has had an answer, or Node ends it with the idle ones.
    const caller = await connectTo(proxy);
    caller.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(caller, 'data');
    caller.write('GET /metadata/identity/oauth2/token HTTP/1.1\r\n');
    await fetch(`${proxy.url}/readyz`);
    proxy.child.kill('SIGTERM');
    expect(await proxy.untilExit()).toBe(0);
  });

  test('a signal at any moment of the start ends it with 0', async () => {
    const ends: unknown[] = [];
    for (let round = 0; round < 20; round += 1) {
      const child = spawn(
        join(dist, 'proxy'),
        [
          '--log-level=info',
          '--drain-quiet=0',
          `--proxy-port=${await findFreePort()}`,
          '--admin-port=0',
        ],
        {
          env: { PATH: process.env['PATH'] ?? '', ...emulator.describe().env },
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      );
      // The first line comes before the server listens. The rounds differ in how far the start gets after it.
      await once(child.stderr, 'data');
      await new Promise((resolve) => setTimeout(resolve, round * 2));
      child.kill(round % 2 === 0 ? 'SIGTERM' : 'SIGINT');
      const [code, signal] = await once(child, 'exit');
      ends.push(signal ?? code);
    }
    expect(ends).toEqual(ends.map(() => 0));
  });

  test('a second signal ends it at once', async () => {
    await using proxy = await startProxy(emulator);
    proxy.child.kill('SIGTERM');
    await proxy.untilLogged(({ message }) => message === 'received shutdown signal');
    proxy.child.kill('SIGTERM');
    expect(await proxy.untilExit()).toBe(1);
  });
});

test('SIGUSR1 opens no debugger', async () => {
  await using proxy = await startProxy(emulator);
  process.kill(proxy.pid, 'SIGUSR1');
  expect((await ask(proxy, 'https://storage.azure.com')).status).toBe(200);
  expect(proxy.output.join()).not.toContain('Debugger listening');
});

describe('starting', () => {
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    spawnSync(join(dist, 'proxy'), args, {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      encoding: 'utf8',
      timeout: 20_000,
    });

  test('without a tenant it says so in upstream’s words and exits 1', () => {
    const { status, stderr } = run([], { AZURE_FEDERATED_TOKEN_FILE: '/token' });
    expect(status).toBe(1);
    expect(stderr).toContain('AZURE_TENANT_ID not set');
  });

  test('an unknown flag is a usage error', () => {
    const { status, stderr } = run(['--no-such-flag']);
    expect(status).toBe(2);
    expect(stderr).toContain('no-such-flag');
    expect(stderr).toContain('--proxy-port');
  });

  test('--version is one line of JSON with upstream’s keys', () => {
    const { status, stdout } = run(['--version']);
    expect(status).toBe(0);
    expect(stdout.trimEnd()).not.toContain('\n');
    expect(JSON.parse(stdout)).toMatchObject({
      buildVersion: expect.any(String),
      gitCommit: expect.stringMatching(/^[\da-f]{40}$/),
      platform: expect.stringMatching(/^\w+\/\w+$/),
    });
  });

  test('inject and uninject are commands of the same program', () => {
    const manifest =
      'kind: Pod\napiVersion: v1\nspec:\n  containers:\n    - {name: app, image: x}\n';
    const images = ['--proxy-image=p:1', '--init-image=i:1'];
    const filter = (args: readonly string[], input: string) =>
      spawnSync(join(dist, 'proxy'), args, { input, encoding: 'utf8', timeout: 20_000 });
    const injected = filter(['inject', ...images, '-'], manifest);
    expect(injected.status, injected.stderr).toBe(0);
    expect(injected.stdout).toContain('azwi-proxy-init');
    expect(filter(['uninject', '-'], injected.stdout).stdout).toBe(manifest);
    expect(filter(['inject', '--help'], '').stdout).toContain('--init-image');
  });

  test('a port in use is a clear error', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { env } = emulator.describe();
    const { status, stderr } = run([`--proxy-port=${port}`, '--admin-port=0'], env);
    server.close();
    expect(status).toBe(1);
    expect(stderr).toContain(`${port} is in use`);
  });

  test('--probe waits until the proxy listens, and gives up on one that never does', async () => {
    const execute = promisify(execFile);
    const port = await findFreePort();
    const early = execute(join(dist, 'proxy'), ['--probe', `--proxy-port=${port}`]);
    await using proxy = await startProxy(emulator, { args: [`--proxy-port=${port}`] });
    await expect(early).resolves.toBeDefined();
    proxy.child.kill('SIGKILL');
    await proxy.untilExit();
    const { status, stderr } = run(['--probe', `--proxy-port=${port}`]);
    expect(status).toBe(1);
    expect(stderr).toContain('failed to probe');
  });

  test('the admin port serves health and metrics, and no token', async () => {
    await using proxy = await startProxy(emulator, { withAdmin: true });
    const admin = `http://127.0.0.1:${proxy.adminPort}`;
    await ask(proxy);
    expect((await fetch(`${admin}/livez`)).status).toBe(200);
    const ready = await fetch(`${admin}/readyz?verbose`);
    expect(await ready.text()).toContain('[+]federated-token ok');
    expect(await (await fetch(`${admin}/metrics`)).text()).toContain(
      'imds_proxy_token_exchanges_total{result="success"} 1',
    );
    const token = await fetch(
      `${admin}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://x`,
      { headers: { Metadata: 'true' } },
    );
    expect(token.status).toBe(404);
  });
});
