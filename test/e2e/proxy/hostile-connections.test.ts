/**
 * What one unauthenticated client may do to the built proxy, with the heap that the image gives it. Each
 * attack once ended the process, or took a port from everybody else.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import {
  memoryLimitBytes,
  type ProxyProcess,
  peakBytesOf,
  startProxy,
} from '../../support/proxy-process.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());
beforeEach(() => emulator.faults.clear());

const resource = 'https://vault.azure.net';
const tokenRequest = toTokenRequest(resource);
const imageHeap = { NODE_OPTIONS: '--max-semi-space-size=1 --max-old-space-size=40' };
function toTokenRequest(asked: string): string {
  return `GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=${asked} HTTP/1.1\r\nHost: 169.254.169.254\r\nMetadata: true\r\n\r\n`;
}

async function start(args: readonly string[] = []): Promise<ProxyProcess> {
  const proxy = await startProxy(emulator, { env: imageHeap, withAdmin: true, args });
  // The admin port comes up after the other one.
  await expect.poll(() => statusOf(proxy.adminPort, get('/livez')), { timeout: 10_000 }).toBe(200);
  return proxy;
}

interface Attacker {
  readonly socket: Socket;
  /** Resolves when the connection has ended, however that happened. */
  readonly closed: Promise<void>;
  received: string;
}

/** Sends everything at once on one connection, and reads the answers, except with `reads: false`. */
function attack(port: number, text: string, { reads = true } = {}): Attacker {
  const socket = connect({ port, host: '127.0.0.1' });
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const attacker: Attacker = { socket, closed, received: '' };
  socket.on('error', () => {});
  socket.on('close', () => resolve());
  if (reads) {
    socket.on('data', (chunk) => {
      if (attacker.received.length < 1_000_000) attacker.received += chunk.toString('latin1');
    });
  } else {
    socket.pause();
  }
  socket.write(text);
  return attacker;
}

async function attackMany(
  count: number,
  port: number,
  text: string,
  options: { readonly reads?: boolean; readonly forMs?: number } = {},
): Promise<void> {
  const attackers = Array.from({ length: count }, () => attack(port, text, options));
  await Promise.race([
    Promise.all(attackers.map(({ closed }) => closed)),
    pause(options.forMs ?? 5_000),
  ]);
  for (const { socket } of attackers) socket.destroy();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The status of a request on a new connection; undefined if it is not answered. */
async function statusOf(port: number, request: string): Promise<number | undefined> {
  const { socket, closed } = attack(port, request);
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  socket.once('data', (chunk) => resolve(Number(chunk.toString('latin1').slice(9, 12))));
  const timer = setTimeout(() => resolve(undefined), 10_000);
  void closed.then(() => resolve(undefined));
  const status = await promise;
  clearTimeout(timer);
  socket.destroy();
  return status;
}

function repeat(request: string): string {
  return request.repeat(4_000);
}

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
}

async function expectUnharmed(proxy: ProxyProcess): Promise<void> {
  expect(proxy.child.exitCode ?? proxy.child.signalCode).toBeNull();
  expect(await statusOf(proxy.port, tokenRequest)).toBe(200);
  expect(await statusOf(proxy.adminPort, get('/livez'))).toBe(200);
  expect(peakBytesOf(proxy.pid)).toBeLessThan(memoryLimitBytes);
}

describe('requests sent without waiting for the answers', () => {
  test.each([
    ['/metrics 4,000 times, read', 1, get('/metrics').repeat(4_000), true],
    ['/metrics 4,000 times, never read', 1, get('/metrics').repeat(4_000), false],
    ['/readyz?verbose 3,000 times on 8 connections', 8, get('/readyz?verbose').repeat(3_000), true],
    ['/metrics 2,000 times on 32 connections', 32, get('/metrics').repeat(2_000), true],
    [
      '/metrics 2,000 times on 200 connections, never read',
      200,
      get('/metrics').repeat(2_000),
      false,
    ],
    // node:http answers these itself unless it is told not to.
    [
      '4,000 without Host on 8 connections',
      8,
      get('/readyz') + repeat('GET / HTTP/1.1\r\n\r\n'),
      true,
    ],
    [
      '4,000 that expect something on 64 connections',
      64,
      get('/readyz') + repeat('GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n'),
      true,
    ],
  ])('the admin port: %s', async (_, connections, text, reads) => {
    await using proxy = await start();
    await attackMany(connections, proxy.adminPort, text, { reads });
    await expectUnharmed(proxy);
  });

  test('5,000 cheap ones behind one that waits for Entra, on 16 connections', async () => {
    await using proxy = await start();
    emulator.faults.add({ effect: { kind: 'hang' }, requests: 16 });
    const cheap = 'GET / HTTP/1.1\r\nHost:\r\n\r\n'.repeat(5_000);
    await attackMany(16, proxy.port, toTokenRequest('https://slow.example') + cheap);
    emulator.faults.clear();
    await expectUnharmed(proxy);
  });

  test.each([200, 1_500])(
    '2,000 for a cached token on %i connections, never read',
    async (connections) => {
      await using proxy = await start();
      expect(await statusOf(proxy.port, tokenRequest)).toBe(200);
      await attackMany(connections, proxy.port, tokenRequest.repeat(2_000), { reads: false });
      await expectUnharmed(proxy);
    },
  );
});

describe('connections that stop being HTTP', () => {
  const connectRequest = 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n';

  test.each(['data', 'admin'])(
    '%s port: /readyz and CONNECT in one packet, 3,000 times',
    async (which) => {
      await using proxy = await start();
      const port = which === 'data' ? proxy.port : proxy.adminPort;
      for (let round = 0; round < 30; round += 1) {
        await attackMany(100, port, get('/readyz') + connectRequest);
      }
      await expectUnharmed(proxy);
      await expectNoConnections(proxy);
    },
  );

  test.each([
    ['data', 'CONNECT', connectRequest],
    ['data', 'garbage', '\x01\x02garbage'],
    ['data', 'an oversized header', `GET / HTTP/1.1\r\nx: ${'x'.repeat(70_000)}`],
    ['admin', 'CONNECT', connectRequest],
    ['admin', 'garbage', '\x01\x02garbage'],
    ['admin', 'an oversized header', `GET / HTTP/1.1\r\nx: ${'x'.repeat(70_000)}`],
  ])('%s port: /readyz and %s in one packet: answered and closed', async (which, _, rest) => {
    await using proxy = await start();
    const attacker = attack(which === 'data' ? proxy.port : proxy.adminPort, get('/readyz') + rest);
    await Promise.race([attacker.closed, pause(10_000).then(() => expect.fail('still open'))]);
    expect(attacker.received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  test.each(['data', 'admin'])(
    '%s port: a single CONNECT does not hold the stop',
    async (which) => {
      await using proxy = await start(['--drain-quiet=0s', '--drain-deadline=5s']);
      const port = which === 'data' ? proxy.port : proxy.adminPort;
      const attacker = attack(port, get('/readyz') + connectRequest, { reads: false });
      await pause(200);
      proxy.child.kill('SIGTERM');
      expect(await Promise.race([proxy.untilExit(), pause(20_000)])).toBe(0);
      attacker.socket.destroy();
    },
  );
});

describe('long heads on 3,000 connections', () => {
  const tiny = 'ab:cd\r\n'.repeat(1_600);
  const long = `ab: ${'x'.repeat(380)}\r\n`;

  test.each([
    ['unfinished, of tiny headers', '', tiny],
    ['unfinished, of some long headers', '', long.repeat(28)],
    ['whole ones that wait for Entra, of tiny headers', '', `${tiny}\r\n`],
    ['whole ones that wait for Entra, of long headers', '', `${long.repeat(28)}\r\n`],
    ['whole ones that wait for Entra, with a long target', '&x='.padEnd(8_000, 'y'), '\r\n'],
  ])('%s', async (_, query, rest) => {
    await using proxy = await start();
    emulator.faults.add({ effect: { kind: 'hang' }, requests: 100 });
    const head = toTokenRequest(`https://slow.example${query}`).slice(0, -2);
    await attackMany(3_000, proxy.port, head + rest, { forMs: 3_000 });
    emulator.faults.clear();
    await expectUnharmed(proxy);
  });
});

test('bodies of 16 KiB in 2,500 requests, most of which wait for Entra', async () => {
  await using proxy = await start();
  expect(await statusOf(proxy.port, tokenRequest)).toBe(200);
  emulator.faults.add({ effect: { kind: 'hang' }, requests: 100 });
  const head = toTokenRequest('https://slow.example').slice(0, -2);
  const request = `${head}Content-Length: 16384\r\n\r\n${'x'.repeat(16_384)}`;
  await attackMany(2_500, proxy.port, request, { forMs: 3_000 });
  emulator.faults.clear();
  await expectUnharmed(proxy);
});

describe('/livez', () => {
  test('asks the port of the proxy, which does not count as a request of an application', async () => {
    await using proxy = await start();
    const answer = await fetch(`http://127.0.0.1:${proxy.adminPort}/livez?verbose`);
    expect(await answer.text()).toBe('[+]proxy-port ok\nlivez check passed\n');
    const metrics = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
    expect(metrics).toMatch(/^imds_proxy_http_requests_total\{route="readyz",code="200"\} [1-9]/m);
    proxy.child.kill('SIGTERM');
    expect(await Promise.race([proxy.untilExit(), pause(20_000)])).toBe(0);
  });

  test('fails while the proxy cannot accept connections, and then succeeds again', async () => {
    await using proxy = await startProxy(emulator, { withAdmin: true, maxFiles: 64 });
    await expect
      .poll(() => statusOf(proxy.adminPort, get('/livez')), { timeout: 10_000 })
      .toBe(200);
    const { socket: prober } = attack(proxy.adminPort, get('/livez'));
    const statusNow = async (): Promise<string> => {
      const answered = once(prober, 'data');
      prober.write(get('/livez'));
      return String((await answered)[0]).slice(9, 12);
    };
    await once(prober, 'data');
    // Each takes a file descriptor, until there is none left.
    const others = Array.from({ length: 64 }, () => attack(proxy.port, ''));
    await expect.poll(statusNow, { timeout: 20_000 }).toBe('503');
    for (const { socket } of others) socket.destroy();
    await expect.poll(statusNow, { timeout: 20_000 }).toBe('200');
    prober.destroy();
  });
});

test('3,000 silent connections lock nobody out', async () => {
  await using proxy = await start();
  const silent = Array.from({ length: 3_000 }, () => attack(proxy.port, ''));
  await pause(1_000);
  await expectUnharmed(proxy);
  for (const { socket } of silent) socket.destroy();
});

/** Sockets of the process, its listeners and standard streams aside, must come to an end. */
async function expectNoConnections({ port, adminPort }: ProxyProcess): Promise<void> {
  const hex = [port, adminPort].map((number) => number.toString(16).toUpperCase().padStart(4, '0'));
  const own = new RegExp(`^\\s*\\d+: 0100007F:(?:${hex.join('|')}) \\S+ 0[18] `, 'gm');
  await expect
    .poll(() => (readFileSync('/proc/net/tcp', 'utf8').match(own) ?? []).length, {
      timeout: 15_000,
    })
    .toBe(0);
}
