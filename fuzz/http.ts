/**
 * Raw bytes on both ports of the built proxy, with the image's heap. Every connection must be answered or
 * ended in time, no token may go to a request that the guard refuses, and the process must live on within
 * its memory.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Emulator } from '../src/emulator/api.ts';
import { startEmulator } from '../test/support/emulator.ts';
import {
  memoryLimitBytes,
  type ProxyProcess,
  peakBytesOf,
  startProxy,
} from '../test/support/proxy-process.ts';
import { check, type FuzzTarget } from './target.ts';

/** The longest time that an unfinished request may take, the look for it and a busy machine. */
const endMs = 40_000;

const tokenTarget =
  '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net';

/** Inputs that once did harm: sent first, to each port. */
const corpus: readonly (readonly [name: string, text: string])[] = readdirSync(
  join(import.meta.dirname, 'corpus'),
)
  .filter((name) => name.endsWith('.http'))
  .map((name) => [name, readFileSync(join(import.meta.dirname, 'corpus', name), 'latin1')]);

interface Request {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly string[];
  readonly body: string;
}

interface Connection {
  readonly port: 'data' | 'admin';
  readonly requests: readonly Request[];
  /** How often everything is sent, at once. */
  readonly times: number;
  /** Replaces so many bytes, each at a place, by others. */
  readonly damage: readonly (readonly [place: number, bytes: string])[];
  /** Where the bytes are cut into pieces, as shares of their length. */
  readonly cuts: readonly number[];
  readonly end: 'half-close' | 'reset' | 'unread';
}

/** Bytes as they are; no request of these may have a token. */
const plain = { requests: [], times: 1, damage: [], cuts: [], end: 'half-close' } as const;

const request: fc.Arbitrary<Request> = fc.record({
  method: weighted(
    ['GET', 20],
    ['HEAD', 1],
    ['POST', 1],
    ['CONNECT', 2],
    ['OPTIONS', 1],
    ['get', 1],
  ),
  target: fc.oneof(
    { weight: 6, arbitrary: fc.constant(tokenTarget) },
    fc.constantFrom(
      '/',
      '*',
      '/readyz',
      '/readyz?verbose',
      '/livez',
      '/metrics',
      '/metadata/instance?api-version=2021-02-01',
      '/METADATA/identity/oauth2/token?api-version=2018-02-01&resource=x',
      '/metadata/identity/../identity/oauth2/token',
      '/metadata/identity%2foauth2/token',
      `${tokenTarget}&resource=y`,
      `${tokenTarget}#`,
      `http://169.254.169.254${tokenTarget}`,
      `http://evil.example${tokenTarget}`,
      '/msi/token?api-version=2019-08-01&resource=x',
    ),
    fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
    fc.integer({ min: 0, max: 20_000 }).map((length) => `/${'a'.repeat(length)}`),
  ),
  version: weighted(['HTTP/1.1', 20], ['HTTP/1.0', 2], ['HTTP/2.0', 1], ['HTTP/0.9', 1], ['', 1]),
  headers: fc.array(
    fc.oneof(
      weighted(['Host: 169.254.169.254', 4], ['Metadata: true', 4]),
      fc.constantFrom(
        'Host: localhost:80',
        'Host: evil.example',
        'Host:',
        'metadata: True',
        'Metadata: false',
        'Metadata : true',
        'X-Forwarded-For: 1.2.3.4',
        'forwarded: for=1',
        'Connection: close',
        'Connection: upgrade, metadata',
        'Upgrade: websocket',
        'Expect: 100-continue',
        'Content-Length: 5',
        'Content-Length: 99999999',
        'Transfer-Encoding: chunked',
        'x-ms-client-request-id: 11111111-1111-1111-1111-111111111111',
      ),
      fc.string({ unit: 'binary-ascii', maxLength: 20 }),
      fc.integer({ min: 0, max: 70_000 }).map((length) => `x: ${'y'.repeat(length)}`),
    ),
    { maxLength: 6 },
  ),
  body: weighted(
    ['', 20],
    ['hello', 2],
    ['0\r\n\r\n', 1],
    [`GET ${tokenTarget} HTTP/1.1\r\n\r\n`, 1],
  ),
});

const connection: fc.Arbitrary<Connection> = fc.record({
  port: weighted<'data' | 'admin'>(['data', 3], ['admin', 1]),
  requests: fc.array(request, { minLength: 1, maxLength: 4 }),
  times: weighted([1, 20], [7, 2], [500, 1]),
  damage: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    fc.array(fc.tuple(fc.nat(10_000), fc.string({ unit: 'binary-ascii', maxLength: 4 })), {
      maxLength: 4,
    }),
  ),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
  end: weighted<Connection['end']>(['half-close', 8], ['reset', 1], ['unread', 1]),
});

export const httpTarget: FuzzTarget = {
  name: 'http',
  async fuzz(options) {
    const emulator = await startEmulator();
    let proxy = await start(emulator);
    try {
      const known = await sendCorpus(proxy);
      if (known !== undefined) return { cases: corpus.length, failure: known };
      let rounds = 0;
      const property = fc.asyncProperty(
        fc.array(connection, { minLength: 1, maxLength: 6 }),
        async (connections) => {
          // A failure that ended the process must not make every shorter input fail.
          if (hasEnded(proxy)) proxy = await start(emulator);
          await Promise.all(connections.map((spec) => converse(proxy, spec, toText(spec))));
          if (hasEnded(proxy))
            throw new Error(`the proxy ended:\n${proxy.output.slice(-5).join('\n')}`);
          rounds += 1;
          if (rounds % 50 === 0) await assertUnharmed(proxy);
        },
      );
      const result = await check(property, options);
      if (result.failure === undefined) await assertUnharmed(proxy);
      return result;
    } finally {
      await proxy[Symbol.asyncDispose]();
      await emulator.stop();
    }
  },
};

/** @returns what became of it, if it did harm again. */
async function sendCorpus(proxy: ProxyProcess): Promise<string | undefined> {
  for (const [name, text] of corpus) {
    for (const port of ['data', 'admin'] as const) {
      try {
        await converse(proxy, { ...plain, port }, text);
        await assertUnharmed(proxy);
      } catch (error) {
        return `fuzz/corpus/${name}, on the ${port} port: ${error}`;
      }
    }
  }
  return undefined;
}

async function start(emulator: Emulator): Promise<ProxyProcess> {
  const proxy = await startProxy(emulator, {
    withAdmin: true,
    env: { NODE_OPTIONS: '--max-semi-space-size=1 --max-old-space-size=40' },
  });
  const url = `http://127.0.0.1:${proxy.adminPort}/livez`;
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if ((await fetch(url).catch(() => undefined))?.ok === true) return proxy;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the admin port of the proxy does not come up');
}

function hasEnded({ child }: ProxyProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function assertUnharmed(proxy: ProxyProcess): Promise<void> {
  const token = await fetch(`${proxy.url}${tokenTarget}`, {
    headers: { Metadata: 'true' },
    signal: AbortSignal.timeout(endMs),
  });
  await token.arrayBuffer();
  if (token.status !== 200) throw new Error(`a good request is answered with ${token.status}`);
  const livez = await fetch(`http://127.0.0.1:${proxy.adminPort}/livez`, {
    signal: AbortSignal.timeout(endMs),
  });
  if (livez.status !== 200) throw new Error(`/livez is ${livez.status}: ${await livez.text()}`);
  const bytes = peakBytesOf(proxy.pid);
  if (bytes > memoryLimitBytes) throw new Error(`the proxy has used ${bytes} bytes of memory`);
}

/** Sends the text on a new connection and judges the answers. */
async function converse(proxy: ProxyProcess, spec: Connection, text: string): Promise<void> {
  const port = spec.port === 'data' ? proxy.port : proxy.adminPort;
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<'closed'>();
  let received = '';
  socket.on('error', () => {});
  socket.on('close', () => onClosed('closed'));
  socket.on('end', () => onClosed('closed'));
  if (spec.end === 'unread') socket.pause();
  else
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
  let from = 0;
  for (const cut of [...spec.cuts].sort((a, b) => a - b)) {
    const to = Math.floor(cut * text.length);
    socket.write(text.slice(from, to), 'latin1');
    from = to;
    await new Promise(setImmediate);
  }
  socket.write(text.slice(from), 'latin1');
  if (spec.end === 'half-close') {
    socket.end();
    const ended = await Promise.race([
      closed,
      new Promise<'open'>((resolve) => setTimeout(() => resolve('open'), endMs).unref()),
    ]);
    socket.destroy();
    if (ended === 'open') throw new Error(`after ${endMs} ms the connection is still open`);
    judge(spec, text, received);
    return;
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
  if (spec.end === 'reset') socket.resetAndDestroy();
  else socket.destroy();
}

function judge(spec: Connection, text: string, received: string): void {
  const tokens = received.split('"access_token"').length - 1;
  const isWhole = spec.damage.length === 0;
  const entitled = isWhole
    ? spec.requests.filter(mayHaveToken).length * spec.times
    : (text.match(/metadata[ \t]*:[ \t]*true/gi) ?? []).length;
  if (spec.port === 'admin' && tokens > 0) throw new Error('a token on the admin port');
  if (tokens > entitled)
    throw new Error(`${tokens} tokens for ${entitled} requests that may have one`);
  if (received !== '' && !received.startsWith('HTTP/1.1 ')) {
    throw new Error(`an answer that is not HTTP: ${JSON.stringify(received.slice(0, 80))}`);
  }
}

/** The rules of SECURITY.md, written down a second time. */
function mayHaveToken({ method, target, version, headers }: Request): boolean {
  const valuesOf = (name: string): readonly string[] =>
    headers
      .filter((line) => line.toLowerCase().startsWith(`${name}:`))
      .map((line) =>
        line
          .slice(name.length + 1)
          .trim()
          .toLowerCase(),
      );
  const metadata = valuesOf('metadata');
  const hosts = valuesOf('host');
  const isOurs = (host: string): boolean =>
    /^(?:169\.254\.169\.254|127\.0\.0\.1|localhost|\[::1\])(?::\d*)?$/.test(host);
  return (
    method === 'GET' &&
    /\/identity\/oauth2\/token/.test(target) &&
    !target.includes('evil') &&
    (version === 'HTTP/1.1' || version === 'HTTP/1.0') &&
    metadata.length > 0 &&
    metadata.every((value) => value === 'true') &&
    valuesOf('x-forwarded-for').length + valuesOf('forwarded').length === 0 &&
    (hosts.length === 1 || (hosts.length === 0 && version === 'HTTP/1.0')) &&
    hosts.every(isOurs) &&
    valuesOf('transfer-encoding').length === 0
  );
}

function toText({ requests, times, damage }: Connection): string {
  let text = requests
    .map(({ method, target, version, headers, body }) =>
      [`${method} ${target} ${version}`, ...headers, '', body].join('\r\n'),
    )
    .join('')
    .repeat(times);
  for (const [place, bytes] of damage) {
    const at = place % (text.length + 1);
    text = text.slice(0, at) + bytes + text.slice(at + bytes.length);
  }
  return text;
}

function weighted<Value>(...choices: readonly (readonly [Value, number])[]): fc.Arbitrary<Value> {
  return fc.oneof(...choices.map(([value, weight]) => ({ weight, arbitrary: fc.constant(value) })));
}
