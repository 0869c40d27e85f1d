import { afterEach, expect, test, vi } from 'vitest';
import { ProxyError } from '../../../src/proxy/errors.ts';
import type { Exchange, IssuedToken } from '../../../src/proxy/exchange.ts';
import { createCachingSource } from '../../../src/proxy/token/caching-source.ts';
import {
  connect,
  type Endpoint,
  headerOf,
  type RawResponse,
  send,
  toBytes,
} from '../../support/raw-http.ts';
import type { ScriptedGet } from '../../support/scripted-source.ts';
import { type ScriptedServer, startTestServer } from '../../support/scripted-source-server.ts';
import { assertAnswer, parseObject } from './replay.ts';
import { startScriptedProxy, toPolicy } from './scripted-proxy.ts';
import { get, identityA, target } from './vectors.ts';

/** The default of a second is too short when a hundred clients share two cores with other tests. */
const busyMachine = { timeout: 20_000 };

const ok = { outcome: 'ok' } as const;

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
});

async function startScripted(
  ...options: Parameters<typeof startScriptedProxy>
): Promise<ScriptedServer> {
  const proxy = await startScriptedProxy(...options);
  opened.push(proxy);
  return proxy;
}

/** The data server over the real cache and an exchange of the test's own. */
async function startCached(exchange: Exchange) {
  const proxy = await startTestServer(
    (deps) => createCachingSource({ ...deps, exchange, random: () => 0 }),
    { policy: toPolicy('standard') },
  );
  opened.push({
    async [Symbol.asyncDispose]() {
      proxy.source.stop();
      await proxy[Symbol.asyncDispose]();
    },
  });
  return proxy;
}

function issued(expiresInSeconds = 86_399): IssuedToken {
  return {
    accessToken: `token-${Math.random()}`,
    expiresInSeconds,
    extExpiresInSeconds: expiresInSeconds,
    elapsedMs: 0,
  };
}

async function getToken(
  endpoint: Endpoint,
  ...more: readonly string[]
): Promise<Record<string, unknown>> {
  const response = await send(endpoint, get(target(...more)));
  assertAnswer(response, ok);
  return parseObject(response.body);
}

/** Requests that all start before any of them is answered. */
function getMany(endpoint: Endpoint, count: number, ...more: readonly string[]) {
  return Promise.all(Array.from({ length: count }, () => getToken(endpoint, ...more)));
}

test('vector 5: a cached token keeps its expires_on, and expires_in shrinks', async () => {
  const { endpoint, clock } = await startCached(async () => issued());
  const first = await getToken(endpoint);
  await clock.advance(5_000);
  const second = await getToken(endpoint);
  expect(second).toMatchObject({
    access_token: first['access_token'],
    expires_on: first['expires_on'],
    expires_in: String(Number(first['expires_in']) - 5),
  });
});

test('vector 2: expires_on and expires_in agree at any moment of a second', async () => {
  const { endpoint, clock } = await startCached(async () => issued());
  for (const ms of [0, 1, 333, 666, 999, 1]) {
    await clock.advance(ms);
    const { expires_on, expires_in } = await getToken(endpoint);
    expect(Math.floor(clock.epochMs() / 1_000)).toBe(Number(expires_on) - Number(expires_in));
  }
});

test('vector 36: bypass_cache reaches the token source as true only', async () => {
  const { endpoint, source } = await startScripted();
  await getToken(endpoint);
  for (const value of ['true', 'true', 'TRUE', 'false', 'false', '']) {
    await getToken(endpoint, `bypass_cache=${value}`);
  }
  expect(source.gets.map(({ bypassCache }) => bypassCache)).toEqual([false, true, true, true]);
});

test('vector 37: fifty callers who bypass the cache cost few exchanges', async () => {
  const exchange = vi.fn<Exchange>(async () => issued());
  const { endpoint } = await startCached(exchange);
  await getMany(endpoint, 50, 'bypass_cache=true');
  expect(exchange.mock.calls.length).toBeLessThanOrEqual(3);
});

test('vector 38: a hundred cold callers cost one exchange', async () => {
  const gate = Promise.withResolvers<IssuedToken>();
  const exchange = vi.fn<Exchange>(() => gate.promise);
  const { endpoint, server } = await startCached(exchange);
  const answers = getMany(endpoint, 100);
  await vi.waitFor(() => expect(server.inFlight).toBe(100), busyMachine);
  gate.resolve(issued());
  const tokens = await answers;
  expect(exchange).toHaveBeenCalledOnce();
  expect(new Set(tokens.map((token) => token['access_token'])).size).toBe(1);
});

test('vector 54: pipelined requests are answered in order, the slow one first', async () => {
  const { endpoint, source } = await startScripted();
  await getToken(endpoint);
  const slow = Promise.withResolvers<object>();
  source.script(slow.promise);
  const connection = await connect(endpoint);
  const uncached = get(target().replace('vault', 'slow'));
  connection.write(
    Buffer.concat([toBytes(uncached), toBytes(get(target())), toBytes(get('/nope'))]),
  );
  await vi.waitFor(() => expect(source.gets).toHaveLength(2), busyMachine);
  slow.resolve({});
  assertAnswer(await connection.read(), { outcome: 'ok', resource: 'https://slow.azure.net' });
  assertAnswer(await connection.read(), ok);
  assertAnswer(await connection.read(), { outcome: 'error', status: 404 });
  connection.destroy();
});

test('vector 75: a thousand connections without a byte leave nothing behind', async () => {
  const { endpoint, logger } = await startScripted();
  const open = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  const before = open();
  for (let round = 0; round < 50; round += 1) {
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const connection = await connect(endpoint);
        if (index % 2 === 0) connection.halfClose();
        else connection.destroy();
        await connection.closed;
        connection.destroy();
      }),
    );
  }
  await vi.waitFor(() => expect(open()).toBe(before), busyMachine);
  expect(logger.lines.filter(({ level }) => level !== 'debug')).toEqual([]);
  await getToken(endpoint);
});

test('vector 76: a request that never ends is closed, and holds up nobody', async () => {
  const { endpoint } = await startScripted('standard', {
    arrival: { headersMs: 100, requestMs: 200, checkMs: 50 },
  });
  const slow = await connect(endpoint);
  slow.write('GET /metadata/identity/oauth2/token HTTP/1.1\r\nHost: 127.0.0.1\r\nMeta');
  await getToken(endpoint);
  assertAnswer(await slow.read(), { outcome: 'error', status: 408 });
  await slow.closed;
  await getToken(endpoint);
});

test('a refreshed token is served at once, also inside the second of the one before', async () => {
  const { endpoint, source, clock } = await startScripted();
  await getToken(endpoint);
  const before = await getToken(endpoint);
  const { request } = source.gets[0] as ScriptedGet;
  source.put(request, { accessToken: 'refreshed' });
  const after = await getToken(endpoint);
  expect(before['access_token']).not.toBe('refreshed');
  expect(after['access_token']).toBe('refreshed');
  expect(clock.monotonicMs()).toBe(1_000);
});

test('vector 79 (wire): a refusal of Entra keeps its error and its text', async () => {
  const { endpoint, source } = await startScripted();
  const description =
    'AADSTS500011: The resource principal named https://x was not found in the tenant. Trace ID: 1 Correlation ID: 2 Timestamp: 2026-01-01 00:00:00Z';
  source.script(
    new ProxyError('ERR_REJECTED', 'refused', {
      oauthError: 'invalid_resource',
      description,
      hint: 'Check the resource.',
      aadsts: 500011,
      traceId: '1',
      correlationId: '2',
      timestamp: '2026-01-01 00:00:00Z',
    }),
  );
  const response = await send(endpoint, get(target()));
  assertAnswer(response, { outcome: 'error', status: 400, error: 'invalid_resource' });
  expect(parseObject(response.body)).toEqual({
    error: 'invalid_resource',
    error_description: `${description}. Hint: Check the resource.`,
    error_codes: [500011],
    trace_id: '1',
    correlation_id: '2',
    timestamp: '2026-01-01 00:00:00Z',
  });
  expect(source.gets).toHaveLength(1);
});

test('vector 80 (wire): a refused client is 400, never 401', async () => {
  const { endpoint, source } = await startScripted();
  source.script(
    new ProxyError('ERR_REJECTED', 'refused', {
      oauthError: 'invalid_client',
      description: 'AADSTS7000215: Invalid client secret provided.',
    }),
  );
  assertAnswer(await send(endpoint, get(target())), {
    outcome: 'error',
    status: 400,
    error: 'invalid_client',
  });
});

test('vector 81 (wire): a caller waits for an exchange that takes several attempts', async () => {
  const { endpoint, source, server } = await startScripted();
  const attempts = Promise.withResolvers<object>();
  source.script(attempts.promise);
  const answer = getToken(endpoint);
  await vi.waitFor(() => expect(server.inFlight).toBe(1), busyMachine);
  attempts.resolve({});
  await answer;
  expect(source.gets).toHaveLength(1);
});

test('vector 82 (wire): a missing federated credential is 400 with its text', async () => {
  const { endpoint, source } = await startScripted();
  source.script(
    new ProxyError('ERR_REJECTED', 'refused', {
      oauthError: 'unauthorized_client',
      description: 'AADSTS70021: No matching federated identity record found.',
    }),
  );
  const response = await send(endpoint, get(target()));
  assertAnswer(response, { outcome: 'error', status: 400, error: 'unauthorized_client' });
  expect(response.body).toContain('AADSTS70021: No matching federated identity record found.');
});

test('vector 83 (wire): a failure is not remembered on the wire', async () => {
  const { endpoint, source } = await startScripted();
  source.script(new ProxyError('ERR_ASSERTION', 'expired'), {});
  assertAnswer(await send(endpoint, get(target())), { outcome: 'error', status: 503 });
  await getToken(endpoint);
});

test('vector 84 (wire): an outage of Entra is 503 with a short Retry-After', async () => {
  const { endpoint, source } = await startScripted();
  for (const [asked, told] of [
    [undefined, '1'],
    [0, '1'],
    [3.2, '4'],
    [600, '5'],
  ] as const) {
    source.script(new ProxyError('ERR_UNAVAILABLE', 'HTML', { retryAfterSeconds: asked }));
    const response = await send(endpoint, get(target()));
    assertAnswer(response, { outcome: 'error', status: 503, error: 'service_unavailable' });
    expect(headerOf(response, 'retry-after')).toBe(told);
  }
});

test('vector 85 (wire): an Entra that never answers is 503', async () => {
  const { endpoint, source } = await startScripted();
  source.script(new ProxyError('ERR_TIMEOUT', 'no answer'));
  assertAnswer(await send(endpoint, get(target())), {
    outcome: 'error',
    status: 503,
    error: 'service_unavailable',
  });
});

test('vector 86 (wire): network errors are told without the words that SDKs act on', async () => {
  const { endpoint, source } = await startScripted();
  source.script(
    new ProxyError('ERR_UNAVAILABLE', 'x', {
      description:
        'login.microsoftonline.com: network is Unreachable; Identity not found; eyJhbGciOi.eyJzdWI.c2ln',
      hint: 'Host unreachable?',
    }),
  );
  const response = await send(endpoint, get(target()));
  assertAnswer(response, { outcome: 'error', status: 503, lacks: 'Identity not found' });
  expect(response.body).toContain('login.microsoftonline.com: network is not reachable');
  expect(response.body).not.toContain('eyJ');
});

test('vector 87 (wire): a throttle is 429 with the Retry-After of Entra', async () => {
  const { endpoint, source } = await startScripted();
  source.script(
    new ProxyError('ERR_THROTTLED', 'x', { description: 'AADSTS90055', retryAfterSeconds: 17 }),
    new ProxyError('ERR_THROTTLED', 'x'),
  );
  const first = await send(endpoint, get(target()));
  assertAnswer(first, {
    outcome: 'error',
    status: 429,
    error: 'too_many_requests',
    description: 'Temporarily throttled, too many requests: AADSTS90055',
  });
  expect(headerOf(first, 'retry-after')).toBe('17');
  assertAnswer(await send(endpoint, get(target())), {
    outcome: 'error',
    status: 429,
    description: 'Temporarily throttled, too many requests',
  });
});

test('vector 88 (wire): a cached token is served without asking the source to wait', async () => {
  const { endpoint, source } = await startScripted();
  await getToken(endpoint);
  source.script(new ProxyError('ERR_UNAVAILABLE', 'Entra is down'));
  await getToken(endpoint);
  await getToken(endpoint, 'foo=another-spelling');
  expect(source.gets).toHaveLength(1);
  expect(source.peeks).toBe(2);
});

test('vector 89 (wire): an unknown error is 500 without its text', async () => {
  const { endpoint, source, logger } = await startScripted();
  source.script(new TypeError("Cannot read properties of undefined (reading 'secret')"));
  const response = await send(endpoint, get(target()));
  assertAnswer(response, { outcome: 'error', status: 500, error: 'server_error', lacks: 'secret' });
  expect(logger.lines.at(-1)).toMatchObject({
    level: 'error',
    fields: { request_id: headerOf(response, 'x-ms-request-id'), error_code: 'ERR_INTERNAL' },
  });
});

test('vector 90 (wire): a token file that is not there yet is 503', async () => {
  const { endpoint, source } = await startScripted();
  source.script(new ProxyError('ERR_ASSERTION', 'ENOENT'));
  assertAnswer(await send(endpoint, get(target())), { outcome: 'error', status: 503 });
  await getToken(endpoint);
});

test('vector 91 (wire): the description of an unreadable token file arrives', async () => {
  const { endpoint, source } = await startScripted();
  const description = 'The file that AZURE_FEDERATED_TOKEN_FILE names is empty';
  source.script(new ProxyError('ERR_ASSERTION', 'empty', { description }));
  assertAnswer(await send(endpoint, get(target())), { outcome: 'error', status: 503, description });
});

test('vector 92 (wire): a token that memory does not give any more is waited for', async () => {
  const { endpoint, source } = await startScripted();
  const first = await getToken(endpoint);
  source.forget();
  const second = await getToken(endpoint);
  expect(source.gets).toHaveLength(2);
  expect(second['access_token']).not.toBe(first['access_token']);
});

test('vector 93: more callers than may wait are told to come again, and the rest is served', async () => {
  const { endpoint, source, server } = await startScripted('standard', { maxWaiting: 3 });
  const gate = Promise.withResolvers<object>();
  source.script(gate.promise, gate.promise, gate.promise);
  const waiting = getMany(endpoint, 3);
  await vi.waitFor(() => expect(server.inFlight).toBe(3), busyMachine);
  const refused = await send(endpoint, get(target()));
  assertAnswer(refused, {
    outcome: 'error',
    status: 429,
    error: 'too_many_requests',
    description: 'Temporarily throttled, too many requests',
  });
  expect(headerOf(refused, 'retry-after')).toBe('1');
  gate.resolve({});
  await waiting;
  // Whoever has been answered waits no more, or refused requests would be all that is left.
  for (let round = 0; round < 5; round += 1) {
    source.forget();
    source.script(new ProxyError('ERR_UNAVAILABLE', 'x'));
    assertAnswer(await send(endpoint, get(target())), { outcome: 'error', status: 503 });
    await getToken(endpoint);
  }
});

test('vector 95: a caller that leaves does not end the exchange of the others', async () => {
  const gate = Promise.withResolvers<IssuedToken>();
  const exchange = vi.fn<Exchange>(() => gate.promise);
  const { endpoint, server } = await startCached(exchange);
  const leaving = await connect(endpoint);
  leaving.write(toBytes(get(target())));
  await vi.waitFor(() => expect(server.inFlight).toBe(1), busyMachine);
  const staying = getToken(endpoint);
  await vi.waitFor(() => expect(server.inFlight).toBe(2), busyMachine);
  leaving.destroy();
  gate.resolve(issued());
  await staying;
  await vi.waitFor(() => expect(server.inFlight).toBe(0), busyMachine);
  expect(exchange).toHaveBeenCalledOnce();
  expect(exchange.mock.calls[0]?.[1].aborted).toBe(false);
});

test('vector 96: requests in flight finish before the server is closed', async () => {
  const { endpoint, source, server } = await startScripted();
  const idle = await connect(endpoint);
  idle.write(toBytes(get('/readyz')));
  await idle.read();
  const gate = Promise.withResolvers<object>();
  source.script(gate.promise);
  const busy = await connect(endpoint);
  busy.write(toBytes(get(target())));
  await vi.waitFor(() => expect(server.inFlight).toBe(1), busyMachine);
  const closed = server.close();
  await idle.closed;
  await expect(connect(endpoint)).rejects.toThrow('ECONNREFUSED');
  gate.resolve({});
  const answer = await busy.read();
  assertAnswer(answer, ok);
  expect(headerOf(answer, 'connection')).toBe('close');
  await closed;
});

test('vector 97 (wire): expires_on comes from the source, whatever the wall clock does', async () => {
  const { endpoint, source, clock } = await startScripted();
  const expiresAtSeconds = Math.floor(clock.epochMs() / 1_000) + 3_600;
  source.script({ expiresAtSeconds });
  expect(await getToken(endpoint)).toMatchObject({
    expires_on: String(expiresAtSeconds),
    expires_in: '3600',
  });
  clock.jumpEpoch(3_600_000 + 300_000);
  await clock.advance(1_000);
  expect(await getToken(endpoint)).toMatchObject({
    expires_on: String(expiresAtSeconds),
    expires_in: '1',
  });
});

test('vector 98 (wire): an opaque token is as good as a JWT', async () => {
  const { endpoint, source, clock } = await startScripted();
  source.script({ accessToken: 'opaque' });
  const { access_token, not_before } = await getToken(endpoint);
  expect(access_token).toBe('opaque');
  expect(Number(not_before)).toBe(Math.floor(clock.epochMs() / 1_000) - 300);
});

test('vector 94: every failure has a JSON body without the words that SDKs act on', async () => {
  const { endpoint, source } = await startScripted();
  for (const code of [
    'ERR_INTERNAL',
    'ERR_PASSTHROUGH',
    'ERR_SHUTTING_DOWN',
    'ERR_LOOP',
  ] as const) {
    source.script(new ProxyError(code, 'unreachable', { description: 'unreachable' }));
    assertAnswer(await send(endpoint, get(target())), {
      outcome: 'error',
      status: [500, 503, 508],
    });
  }
});

test('a caller that is known by its own id is followed to Entra', async () => {
  const { endpoint, source } = await startScripted();
  const id = '3F2504E0-4f89-41d3-9a0c-0305e82c3301';
  await send(endpoint, get(target(), `X-MS-Client-Request-Id: ${id}`));
  source.forget();
  await send(endpoint, get(target(), 'x-ms-client-request-id: not a GUID'));
  expect(source.gets.map(({ request }) => request.correlationId)).toEqual([id, undefined]);
  expect(source.gets[0]?.request.identity.clientId).toBe(identityA.clientId);
});

test('a request that arrives while the server closes is served from memory or told to go', async () => {
  const { endpoint, server, source } = await startScripted();
  await getToken(endpoint);
  const cached = toBytes(get(target()));
  const uncached = toBytes(get(target().replace('vault', 'slow')));
  const connections = await Promise.all(
    [cached, uncached].map(async (request) => {
      const connection = await connect(endpoint);
      connection.write(request.subarray(0, -10));
      return { connection, rest: request.subarray(-10) };
    }),
  );
  // The server has read the beginnings once it answers a request that was sent after them.
  await getToken(endpoint);
  const closed = server.close();
  for (const { connection, rest } of connections) connection.write(rest);
  const [fromMemory, refused] = await Promise.all(
    connections.map(({ connection }) => connection.read()),
  );
  assertAnswer(fromMemory as RawResponse, ok);
  assertAnswer(refused as RawResponse, { outcome: 'error', status: 503 });
  for (const response of [fromMemory, refused]) {
    expect(headerOf(response as RawResponse, 'connection')).toBe('close');
  }
  expect(source.gets).toHaveLength(1);
  await closed;
});
