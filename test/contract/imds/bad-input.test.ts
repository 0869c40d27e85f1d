import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connect, headerOf, send, sendRaw, toBytes } from '../../support/raw-http.ts';
import type { ScriptedServer } from '../../support/scripted-source-server.ts';
import { assertAnswer } from './replay.ts';
import { startScriptedProxy } from './scripted-proxy.ts';
import { get, target, tokenPath } from './vectors.ts';

const ok = { outcome: 'ok' } as const;
const malformed = { outcome: 'error', status: 400, error: 'bad_request' } as const;
const refused = { outcome: 'error', status: 400, error: 'invalid_request' } as const;

let proxy: ScriptedServer;
beforeEach(async () => {
  proxy = await startScriptedProxy();
});
/** Whatever a test has sent, nobody else notices, and nothing keeps the server from ending. */
afterEach(async () => {
  assertAnswer(await send(proxy.endpoint, get(target())), ok);
  expect(proxy.server.inFlight).toBe(0);
  const count = (what: string): number =>
    proxy.metrics.counted.filter((counted) => counted.startsWith(what)).length;
  expect(count('finished')).toBe(count('started'));
  expect(proxy.logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
  await proxy[Symbol.asyncDispose]();
});

/** Sends bytes, expects one error and the end of the connection. */
async function expectRefusal(bytes: Buffer | string, status: number, error: string): Promise<void> {
  const connection = await connect(proxy.endpoint);
  connection.write(bytes);
  const response = await connection.read();
  assertAnswer(response, { outcome: 'error', status, error });
  expect(headerOf(response, 'connection')).toBe('close');
  await connection.closed;
  expect(await connection.readToEnd()).toBe('');
  connection.destroy();
}

test.each([
  ['binary', '\x00\x01\x02\x03\r\n\r\n'],
  ['TLS', Buffer.from('1603010200010001fc0303', 'hex')],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a method in lower case', 'get / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['bare line feeds', `GET ${target()} HTTP/1.1\nHost: localhost\nMetadata: true\n\n`],
  ['a space before the colon', 'GET / HTTP/1.1\r\nHost : localhost\r\n\r\n'],
  ['a folded header', 'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n'],
  ['a control character in a header', 'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n'],
  ['a raw byte beyond ASCII in the target', 'GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n'],
])('%s is 400 and the end of the connection', async (_name, bytes) => {
  await expectRefusal(Buffer.from(bytes.toString('latin1'), 'latin1'), 400, 'bad_request');
});

test.each([
  ['chunked', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'],
  ['chunked and Content-Length', ['Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'],
  ['Content-Length and chunked', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
  ['identity', ['Transfer-Encoding: identity'], ''],
  ['an unknown coding', ['Transfer-Encoding: xchunked'], ''],
  ['chunked, not last', ['Transfer-Encoding: chunked, identity'], ''],
  ['chunked twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
  ['a space before the colon', ['Transfer-Encoding : chunked'], '0\r\n\r\n'],
  ['a tab after the name', ['Transfer-Encoding\t: chunked'], '0\r\n\r\n'],
  ['a vertical tab before the coding', ['Transfer-Encoding: \x0bchunked'], '0\r\n\r\n'],
  ['two Content-Lengths', ['Content-Length: 5', 'Content-Length: 6'], 'hello'],
  ['Content-Length with a sign', ['Content-Length: +5'], 'hello'],
  ['Content-Length in hexadecimal', ['Content-Length: 0x5'], 'hello'],
  ['Content-Length as a list', ['Content-Length: 5, 5'], 'hello'],
  ['an empty Content-Length', ['Content-Length:'], ''],
])('smuggling shape %s is refused and the connection ends', async (_name, headers, body) => {
  // A front end could treat the rest as part of the body or as the next request. It is not answered.
  const smuggled = toBytes(get('/readyz')).toString();
  const bytes = toBytes({ ...get(target(), ...headers), body: body + smuggled });
  await expectRefusal(bytes, 400, 'bad_request');
});

test('a body is read to its end, and what follows is the next request', async () => {
  const connection = await connect(proxy.endpoint);
  const first = { ...get(target(), 'Content-Length: 5'), body: 'hello' };
  connection.write(Buffer.concat([toBytes(first), toBytes(get('/nope'))]));
  assertAnswer(await connection.read(), ok);
  assertAnswer(await connection.read(), { outcome: 'error', status: 404 });
  connection.destroy();
});

test('a body arrives while its request waits for an exchange', async () => {
  await proxy[Symbol.asyncDispose]();
  proxy = await startScriptedProxy('standard', {
    arrival: { headersMs: 60, requestMs: 60, checkMs: 10 },
  });
  const gate = Promise.withResolvers<object>();
  proxy.source.script(gate.promise);
  const connection = await connect(proxy.endpoint);
  connection.write(
    toBytes({ ...get(target(), 'Content-Length: 16384'), body: 'x'.repeat(16_384) }),
  );
  await vi.waitFor(() => expect(proxy.server.inFlight).toBe(1));
  // A second connection that never ends its request shows when the limit has been applied.
  const slow = await connect(proxy.endpoint);
  slow.write('GET / HTTP/1.1\r\n');
  await slow.closed;
  gate.resolve({});
  assertAnswer(await connection.read(), ok);
  connection.destroy();
});

test('a body that is too long is not read', async () => {
  const connection = await connect(proxy.endpoint);
  connection.write(toBytes(get(target(), 'Content-Length: 10000000000')));
  assertAnswer(await connection.read(), { outcome: 'error', status: 413, error: 'bad_request' });
  await connection.closed;
  connection.destroy();
});

test('a body that never comes ends with its connection, after the answer', async () => {
  await proxy[Symbol.asyncDispose]();
  proxy = await startScriptedProxy('standard', {
    arrival: { headersMs: 50, requestMs: 50, checkMs: 10 },
  });
  const connection = await connect(proxy.endpoint);
  connection.write(toBytes(get(target(), 'Content-Length: 5')));
  assertAnswer(await connection.read(), ok);
  await connection.closed;
  connection.destroy();
});

test.each(['100-continue', 'something-else'])('Expect: %s changes nothing', async (expectation) => {
  const response = await send(proxy.endpoint, get(target(), `Expect: ${expectation}`));
  assertAnswer(response, ok);
});

test('an upgrade is not accepted, the request is served as it is', async () => {
  const upgrade = [
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABk',
  ];
  assertAnswer(await send(proxy.endpoint, get(target(), ...upgrade)), ok);
  assertAnswer(
    await send(proxy.endpoint, get(target(), 'Connection: Upgrade', 'Upgrade: websocket')),
    ok,
  );
});

test('CONNECT is 405 and the end of the connection', async () => {
  await expectRefusal(
    'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254:80\r\n\r\nGET / HTTP/1.1\r\n\r\n',
    405,
    'method_not_allowed',
  );
});

test.each([
  `http://169.254.169.254${target()}`,
  `HTTP://127.0.0.1:8000${target()}`,
  `http://localhost${target()}`,
])('absolute-form %s is served', async (absolute) => {
  assertAnswer(await send(proxy.endpoint, get(absolute)), ok);
  assertAnswer(await send(proxy.endpoint, get(absolute)), ok);
});

test.each([
  `http://evil.example${target()}`,
  `http://169.254.169.254@evil.example${target()}`,
  `http://169.254.169.254.evil.example${target()}`,
  `http://${target()}`,
])('absolute-form %s is refused', async (absolute) => {
  assertAnswer(await send(proxy.endpoint, get(absolute)), refused);
});

test.each([['*'], ['169.254.169.254:80'], ['ftp://169.254.169.254/x'], ['//'], ['?'], ['/?']])(
  'the target %s leads nowhere',
  async (odd) => {
    const response = await send(proxy.endpoint, {
      method: odd === '*' ? 'OPTIONS' : 'GET',
      target: odd,
      headers: ['Host: localhost', 'Metadata: true'],
    });
    expect([400, 404]).toContain(response.status);
  },
);

test.each([
  ['169.254.169.254', ok],
  ['169.254.169.254:80', ok],
  ['127.0.0.1:8000', ok],
  ['LocalHost:1', ok],
  ['[::1]:8000', ok],
  ['evil.example', refused],
  ['evil.example:80', refused],
  ['127.0.0.1.evil.example', refused],
  ['localhost:80:80', refused],
  ['169.254.169.254@evil', refused],
  ['::1', refused],
  ['', refused],
])('Host %s', async (value, expected) => {
  const headers = [`Host: ${value}`, 'Metadata: true'];
  assertAnswer(await send(proxy.endpoint, { target: target(), headers }), expected);
});

test('no Host and two of them are refused, HTTP/1.0 may have none', async () => {
  const headers = ['Metadata: true'];
  assertAnswer(await send(proxy.endpoint, { target: target(), headers }), refused);
  assertAnswer(await send(proxy.endpoint, get(target(), 'Host: localhost')), refused);
  assertAnswer(await send(proxy.endpoint, { target: target(), version: 'HTTP/1.0', headers }), ok);
});

test('an X-Forwarded-For behind many headers is still seen, and with too many there is no token', async () => {
  const many = Array.from({ length: 28 }, () => 'a:');
  assertAnswer(await send(proxy.endpoint, get(target(), ...many)), ok);
  assertAnswer(await send(proxy.endpoint, get(target(), ...many, 'X-Forwarded-For: 1')), refused);
  const tooMany = Array.from({ length: 3_000 }, () => 'a:');
  for (const headers of [tooMany, ['X-Forwarded-For: 1', ...tooMany]]) {
    const answer = await send(proxy.endpoint, get(target(), ...headers));
    assertAnswer(answer, { outcome: 'error', status: 431 });
  }
});

test('HTTP/1.0 with keep-alive, and without', async () => {
  const connection = await connect(proxy.endpoint);
  const request = { ...get(target(), 'Connection: keep-alive'), version: 'HTTP/1.0' };
  connection.write(toBytes(request));
  assertAnswer(await connection.read(), ok);
  connection.write(toBytes({ ...request, headers: ['Metadata: true'] }));
  assertAnswer(await connection.read(), ok);
  await connection.closed;
  connection.destroy();
});

test('a client that half-closes after its request gets the answer, also one it must wait for', async () => {
  const gate = Promise.withResolvers<object>();
  proxy.source.script(gate.promise);
  for (const settle of [() => gate.resolve({}), () => {}]) {
    const connection = await connect(proxy.endpoint);
    connection.write(toBytes(get(target())));
    connection.halfClose();
    await vi.waitFor(() => expect(proxy.source.gets).toHaveLength(1));
    settle();
    assertAnswer(await connection.read(), ok);
    await connection.closed;
    connection.destroy();
  }
});

test('a client that half-closes inside its request is told so', async () => {
  const connection = await connect(proxy.endpoint);
  connection.write(toBytes(get(target())).subarray(0, -2));
  connection.halfClose();
  assertAnswer(await connection.read(), malformed);
  await connection.closed;
  connection.destroy();
});

test('garbage after an unanswered request does not cost the request its answer', async () => {
  const gate = Promise.withResolvers<object>();
  proxy.source.script(gate.promise);
  const connection = await connect(proxy.endpoint);
  connection.write(Buffer.concat([toBytes(get(target())), Buffer.from('garbage\r\n\r\n')]));
  await vi.waitFor(() => expect(proxy.source.gets).toHaveLength(1));
  gate.resolve({});
  const response = await connection.read();
  assertAnswer(response, ok);
  expect(headerOf(response, 'connection')).toBe('close');
  await connection.closed;
  expect(await connection.readToEnd()).toBe('');
  connection.destroy();
});

test('a flood of pipelined requests that nobody reads does not stall others', async () => {
  const flood = await connect(proxy.endpoint);
  const request = toBytes(get(tokenPath));
  for (let round = 0; round < 20; round += 1) flood.write(Buffer.concat(Array(500).fill(request)));
  assertAnswer(await send(proxy.endpoint, get(target())), ok);
  flood.destroy();
});

test('many clients that leave in the middle of everything leave nothing behind', async () => {
  const gate = Promise.withResolvers<object>();
  const bytes = toBytes(get(target()));
  for (let length = 0; length <= bytes.length; length += 7) {
    proxy.source.script(gate.promise);
    const connection = await connect(proxy.endpoint);
    connection.write(bytes.subarray(0, length));
    connection.destroy();
  }
  gate.resolve({});
  await vi.waitFor(() => expect(proxy.server.inFlight).toBe(0));
  proxy.source.script();
});

test('/readyz answers without the header, under its names, to GET and HEAD', async () => {
  for (const path of ['/readyz', '/readyz/', '//readyz', '/readyz/x', '/readyz?verbose']) {
    const response = await send(proxy.endpoint, { target: path, headers: ['Host: 10.0.0.1:8000'] });
    expect([response.status, response.body]).toEqual([200, 'ok']);
    expect(headerOf(response, 'content-type')).toBe('text/plain; charset=utf-8');
  }
  const head = await sendRaw(proxy.endpoint, 'HEAD /readyz HTTP/1.1\r\nHost: x\r\n\r\n');
  expect([head.status, head.body]).toEqual([200, '']);
  const post = await sendRaw(proxy.endpoint, 'POST /readyz HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(post.status).toBe(405);
  const like = await sendRaw(proxy.endpoint, 'GET /readyzzz HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(like.status).toBe(404);
});
