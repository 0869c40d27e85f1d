import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { adminConnectionLimits, createAdminServer } from '../../../src/proxy/admin/admin-server.ts';
import type { Readiness } from '../../../src/proxy/admin/readiness.ts';
import { systemClock } from '../../../src/proxy/clock.ts';

/** A server whose readiness is known as soon as it is decided. */
async function start(): Promise<{
  readonly port: number;
  readonly asked: () => number;
  readonly decide: (readiness: Readiness) => void;
}> {
  const { promise, resolve } = Promise.withResolvers<Readiness>();
  let asked = 0;
  const server = createAdminServer(
    {
      clock: systemClock,
      checkLiveness: async () => undefined,
      logger: { isEnabled: () => true, log: () => {} },
      checkReadiness: () => {
        asked += 1;
        return promise;
      },
      loadExposition: () => Promise.reject(new Error('never asked for')),
      renderStatus: () => Promise.reject(new Error('never asked for')),
    },
    { address: '127.0.0.1', port: 0 },
  );
  const port = await server.listen();
  onTestFinished(() => server.close());
  if (port === undefined) throw new Error('not listening');
  return { port, asked: () => asked, decide: resolve };
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

function openMany(port: number, count: number): Promise<readonly Socket[]> {
  return Promise.all(Array.from({ length: count }, () => open(port)));
}

function write(socket: Socket, path: string): void {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
}

/** The status line of the next answer, or undefined if the connection ends without one. */
async function read(socket: Socket): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  socket.once('data', (data) => resolve(data.toString().split('\r\n', 1)[0]));
  socket.once('close', () => resolve(undefined));
  return promise;
}

async function ask(socket: Socket, path: string): Promise<string | undefined> {
  const answer = read(socket);
  write(socket, path);
  return answer;
}

const ok = 'HTTP/1.1 200 OK';

test('a probe is answered however many silent connections there are', async () => {
  const { port } = await start();
  const silent = await openMany(port, 300);
  const first = silent[0];
  if (first === undefined) throw new Error('no connection');
  const ended = first.closed ? Promise.resolve() : once(first.resume(), 'close');
  for (let probe = 0; probe < 3; probe += 1) {
    expect(await ask(await open(port), '/livez')).toBe(ok);
  }
  await ended;
});

test('busy connections and the last used one stay open', async () => {
  const { port, asked, decide } = await start();
  const waiting = await open(port);
  const answer = read(waiting);
  write(waiting, '/readyz');
  const used = await open(port);
  await openMany(port, 254);
  while (asked() < 1) await new Promise(setImmediate);
  expect(await ask(used, '/livez')).toBe(ok);
  await openMany(port, 200);
  expect(await ask(used, '/livez')).toBe(ok);
  decide({ ready: true, checks: [] });
  expect(await answer).toBe(ok);
});

test('even if every connection waits for an answer, a probe gets one', async () => {
  const { port, asked } = await start();
  for (const socket of await openMany(port, 256)) write(socket, '/readyz');
  while (asked() < 1) await new Promise(setImmediate);
  expect(await ask(await open(port), '/livez')).toBe(ok);
});

test.each([
  ['without Host', '', '400', adminConnectionLimits.maxUnanswered],
  // Nobody asks for the body, so nothing may follow.
  ['that expects a 100 Continue', 'Host: x\r\nExpect: 100-continue\r\n', '200', 1],
  [
    'that expects something else',
    'Host: x\r\nExpect: y\r\n',
    '200',
    adminConnectionLimits.maxUnanswered,
  ],
])('a request %s counts as any other', async (_, headers, status, answers) => {
  const { port } = await start();
  const socket = await open(port);
  let received = '';
  socket.on('data', (data) => {
    received += data.toString();
  });
  const closed = once(socket, 'close');
  socket.write(`GET /livez HTTP/1.1\r\n${headers}\r\n`.repeat(50));
  await closed;
  const statuses = received.match(/HTTP\/1\.1 \d{3}/g) ?? [];
  expect(statuses).toEqual(Array(answers).fill(`HTTP/1.1 ${status}`));
});
