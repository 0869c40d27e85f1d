import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { maxHeaders } from '../../../src/proxy/http/connections.ts';
import { dataConnectionLimits } from '../../../src/proxy/http/data-server.ts';
import { maxWaitingLength } from '../../../src/proxy/http/token-handler.ts';
import { connect, type Endpoint, headerOf, send } from '../../support/raw-http.ts';
import { startScriptedServer } from '../../support/scripted-source-server.ts';

const identity = { clientId: 'a1a1a1a1-0000-4000-8000-00000000000a', tenantId: 'tenant' };
const policy = {
  defaultIdentity: identity,
  identities: [identity],
  defaultTenantId: 'tenant',
  allowedClientIds: undefined,
  allowedResources: undefined,
};
const target =
  '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net';
const headers = ['Host: 169.254.169.254', 'Metadata: true'];
const tokenRequest = `GET ${target} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
const readyz = 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n';
const { maxUnanswered, maxConnections, maxUnansweredInAll } = dataConnectionLimits;

function statuses(received: string): string[] {
  return received.match(/HTTP\/1\.1 \d{3}/g) ?? [];
}

describe('requests that do not wait for the answers before them', () => {
  test.each([
    ['cached tokens', ''],
    ['answers behind one that waits', `${tokenRequest.replace('vault', 'slow')}`],
  ])('%s: so many are answered, in order, and the connection ends', async (_, first) => {
    await using server = await startScriptedServer({ policy });
    await send(server.endpoint, { target, headers });
    const connection = await connect(server.endpoint);
    connection.write(first + tokenRequest.repeat(5_000));
    const received = await connection.readToEnd();
    expect(statuses(received)).toEqual(Array(maxUnanswered).fill('HTTP/1.1 200'));
    expect(received.match(/Connection: close/g)).toHaveLength(1);
    // No more than that has become a request.
    expect(server.metrics.counted.filter((what) => what === 'started')).toHaveLength(
      maxUnanswered + 1,
    );
  });

  test('bytes after the last answered request are not parsed, in whatever pieces they come', async () => {
    await using server = await startScriptedServer({ policy });
    const gate = Promise.withResolvers<object>();
    server.source.script(gate.promise);
    const connection = await connect(server.endpoint);
    connection.write(tokenRequest + readyz.repeat(maxUnanswered + 3));
    await vi.waitFor(() => expect(server.source.gets).toHaveLength(1));
    for (let piece = 0; piece < 20; piece += 1) {
      connection.write(tokenRequest.slice(piece) + tokenRequest);
      await new Promise(setImmediate);
    }
    gate.resolve({});
    expect(statuses(await connection.readToEnd())).toHaveLength(maxUnanswered);
    expect(server.source.gets).toHaveLength(1);
  });

  test('all connections together have a bound, and one request of each stays possible', async () => {
    await using server = await startScriptedServer({ policy });
    const gate = Promise.withResolvers<object>();
    const count = Math.ceil(maxUnansweredInAll / (maxUnanswered - 2)) + 20;
    server.source.script(...Array(count + 1).fill(gate.promise));
    const connections = await Promise.all(
      Array.from({ length: count }, () => connect(server.endpoint)),
    );
    for (const connection of connections) {
      connection.write(tokenRequest + readyz.repeat(maxUnanswered - 2));
    }
    await vi.waitFor(() => expect(server.source.gets).toHaveLength(count), { timeout: 10_000 });
    expect(server.server.inFlight).toBe(count);
    gate.resolve({});
    // The first ones got all their answers; the last ones the first and the one that ends the connection.
    const last = connections.at(-1);
    expect(statuses((await last?.readToEnd()) ?? '')).toHaveLength(2);
    expect((await send(server.endpoint, { target, headers })).status).toBe(200);
    for (const connection of connections) connection.destroy();
  });

  test('a few at a time are all answered, and the connection stays open', async () => {
    await using server = await startScriptedServer({ policy });
    const connection = await connect(server.endpoint);
    for (let round = 0; round < 20; round += 1) {
      connection.write(readyz.repeat(maxUnanswered - 2));
      for (let answer = 0; answer < maxUnanswered - 2; answer += 1) {
        const response = await connection.read();
        expect([response.status, headerOf(response, 'connection')]).toEqual([200, 'keep-alive']);
      }
    }
    connection.destroy();
  });
});

describe('a client that does not read', () => {
  test('is given half a minute, and one that reads slowly all the time it takes', async () => {
    await using server = await startScriptedServer({ policy });
    const big = { accessToken: 'x'.repeat(8_000_000) };
    server.source.script(big, big);
    const lazy = await openPaused(server.endpoint);
    lazy.write(tokenRequest);
    const slow = await openPaused(server.endpoint);
    slow.write(tokenRequest.replace('vault', 'other'));
    await vi.waitFor(() => expect(server.source.gets).toHaveLength(2));
    const closed = once(lazy, 'close');
    let received = 0;
    for (let second = 0; second < 45; second += 1) {
      await server.clock.advance(1_000);
      received += (slow.read(100_000)?.length ?? 0) + (slow.read()?.length ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    lazy.resume();
    await closed;
    expect(lazy.bytesRead).toBeLessThan(8_000_000);
    slow.on('readable', () => {
      for (let chunk = slow.read(); chunk !== null; chunk = slow.read()) received += chunk.length;
    });
    await vi.waitFor(() => expect(received).toBeGreaterThan(8_000_000), { timeout: 10_000 });
  });

  test('many of them: those that hold most are ended first', async () => {
    await using server = await startScriptedServer({ policy });
    const tokens = Array.from({ length: 6 }, () => ({ accessToken: 'x'.repeat(8_000_000) }));
    server.source.script(...tokens);
    const clients: net.Socket[] = [];
    for (let index = 0; index < tokens.length; index += 1) {
      const client = await openPaused(server.endpoint);
      client.write(tokenRequest.replace('vault', `vault${index}`));
      clients.push(client);
    }
    await vi.waitFor(() => expect(server.source.gets).toHaveLength(tokens.length));
    await server.clock.advance(10_000);
    const ended = clients.map((client) => once(client.resume(), 'close'));
    await Promise.race(ended);
    await vi.waitFor(() =>
      expect(clients.filter(({ bytesRead }) => bytesRead > 8_000_000)).not.toHaveLength(0),
    );
    expect(clients.filter(({ destroyed }) => destroyed).length).toBeGreaterThan(0);
  });
});

describe('connections that stop being HTTP', () => {
  const connectRequest = 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n';

  test.each([
    ['CONNECT', connectRequest],
    [
      'CONNECT with a body that does not come',
      connectRequest.replace('\r\n\r\n', '\r\nContent-Length: 9\r\n\r\n'),
    ],
    ['garbage', '\x01\x02garbage'],
    ['an oversized header', `GET / HTTP/1.1\r\nx: ${'x'.repeat(70_000)}`],
  ])('%s behind a request that waits is closed after its answer', async (_, rest) => {
    await using server = await startScriptedServer({ policy });
    const gate = Promise.withResolvers<object>();
    server.source.script(gate.promise);
    const connection = await connect(server.endpoint);
    connection.write(tokenRequest + rest);
    await vi.waitFor(() => expect(server.source.gets).toHaveLength(1));
    gate.resolve({});
    expect(statuses(await connection.readToEnd())[0]).toBe('HTTP/1.1 200');
  });

  test('are destroyed when the server must stop', async () => {
    const server = await startScriptedServer({ policy });
    server.source.script(...Array(10).fill(new Promise(() => {})));
    const connections = await Promise.all(
      Array.from({ length: 10 }, () => connect(server.endpoint)),
    );
    for (const connection of connections) connection.write(tokenRequest + connectRequest);
    await vi.waitFor(() => expect(server.source.gets).toHaveLength(10));
    const closed = server.server.close();
    server.server.destroyConnections();
    await closed;
    await Promise.all(connections.map((connection) => connection.closed));
  });

  test('are destroyed at their deadline', async () => {
    await using server = await startScriptedServer({ policy });
    server.source.script(new Promise(() => {}));
    const connection = await connect(server.endpoint);
    connection.write(tokenRequest + connectRequest);
    await vi.waitFor(() => expect(server.source.gets).toHaveLength(1));
    await server.clock.advance(dataConnectionLimits.endMs + 5_000);
    await connection.closed;
  });
});

test('with every connection taken, a newcomer takes the place of the idlest that waits for nothing', async () => {
  await using server = await startScriptedServer({ policy });
  server.source.script(new Promise(() => {}));
  const waiting = await connect(server.endpoint);
  waiting.write(tokenRequest);
  await vi.waitFor(() => expect(server.source.gets).toHaveLength(1));
  const idle: net.Socket[] = [];
  while (idle.length < maxConnections - 1) {
    idle.push(...(await Promise.all(Array.from({ length: 100 }, () => open(server.endpoint)))));
    if (idle.length > maxConnections - 101) break;
  }
  while (idle.length < maxConnections - 1) idle.push(await open(server.endpoint));
  await server.clock.advance(1_000);
  const [first, second] = idle;
  first?.write(readyz);
  await once(first ?? fail(), 'data');
  expect((await send(server.endpoint, { target: '/readyz', headers })).status).toBe(200);
  await vi.waitFor(() =>
    expect(idle.filter(({ readyState }) => readyState !== 'open')).toHaveLength(1),
  );
  expect([first?.readyState, second === undefined]).toEqual(['open', false]);
  expect(server.logger.lines.filter(({ level }) => level === 'warning')).toHaveLength(1);
  expect(server.server.inFlight).toBe(1);
});

async function open({ host, port }: Endpoint): Promise<net.Socket> {
  const socket = net.connect({ host, port });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.resume();
  return socket;
}

async function openPaused(endpoint: Endpoint): Promise<net.Socket> {
  const socket = await open(endpoint);
  socket.pause();
  return socket;
}

function fail(): never {
  throw new Error('no connection');
}

describe('many headers', () => {
  const withHeaders = (count: number): string =>
    `GET ${target} HTTP/1.1\r\n${headers.join('\r\n')}\r\n${'a: b\r\n'.repeat(count - headers.length)}\r\n`;

  test('as many as real clients never have are served', async () => {
    await using server = await startScriptedServer({ policy });
    const connection = await connect(server.endpoint);
    connection.write(withHeaders(maxHeaders));
    expect((await connection.read()).status).toBe(200);
    connection.destroy();
  });

  test('a request with more ends the connection after the answers that are due', async () => {
    await using server = await startScriptedServer({ policy });
    const connection = await connect(server.endpoint);
    connection.write(tokenRequest + withHeaders(maxHeaders + 1) + tokenRequest);
    expect(statuses(await connection.readToEnd())).toEqual(['HTTP/1.1 200']);
    expect(server.source.gets).toHaveLength(1);
  });

  test('one that never ends is refused as soon as it has more', async () => {
    await using server = await startScriptedServer({ policy });
    const connection = await connect(server.endpoint);
    connection.write(withHeaders(1_000).slice(0, -2));
    expect(statuses(await connection.readToEnd())).toEqual(['HTTP/1.1 431']);
    expect(server.source.gets).toHaveLength(0);
  });
});

test('requests that wait have a bound on the length of their heads together', async () => {
  await using server = await startScriptedServer({ policy });
  const gate = Promise.withResolvers<object>();
  const count = Math.floor(maxWaitingLength / 8_100);
  server.source.script(...Array(count).fill(gate.promise));
  const long = `GET ${target}&x=${'y'.repeat(8_000)} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
  const connections = await Promise.all(
    Array.from({ length: count }, () => connect(server.endpoint)),
  );
  for (const connection of connections) connection.write(long);
  await vi.waitFor(() => expect(server.server.inFlight).toBeGreaterThan(count - 20), {
    timeout: 10_000,
  });
  const refused = await send(server.endpoint, {
    target: `${target}&x=${'z'.repeat(8_000)}`,
    headers,
  });
  expect(refused.status).toBe(429);
  gate.resolve({});
  for (const connection of connections) connection.destroy();
});
