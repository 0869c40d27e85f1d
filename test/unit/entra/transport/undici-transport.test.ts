import { once } from 'node:events';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createUndiciTransport,
  type UndiciTransport,
} from '../../../../src/proxy/entra/transport/undici-transport.ts';
import {
  type Certificates,
  createCertificates,
  readBody,
  sendJson,
  startHttpsPeer,
  startTcpPeer,
} from '../loopback.ts';
import { neverAborted } from '../support.ts';

let certificates: Certificates;
let transport: UndiciTransport;
const roots = getCACertificates('default');

beforeAll(async () => {
  certificates = await createCertificates();
  setDefaultCACertificates([...roots, certificates.ca]);
});
afterAll(() => setDefaultCACertificates(roots));
beforeEach(() => {
  transport = createUndiciTransport();
});
afterEach(() => transport.close());

function post(port: number, { scheme = 'https', signal = neverAborted, host = 'localhost' } = {}) {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return transport.post(`${scheme}://${host}:${port}/t/token?a=b`, headers, 'c=d', signal);
}

describe('transport over undici', () => {
  it('posts over HTTP/1.1 and TLS with the roots of the process', async () => {
    await using peer = await startHttpsPeer(certificates, certificates.good, async (req, res) => {
      res.setHeader('set-cookie', ['first=1', 'second=2']);
      const { method, url, httpVersion, headers } = req;
      sendJson(res, 418, { method, url, httpVersion, headers, body: await readBody(req) });
    });
    const reply = await post(peer.port);
    expect(reply.status).toBe(418);
    expect(reply.headers).toMatchObject({
      'content-type': 'application/json',
      'set-cookie': 'first=1',
    });
    expect(JSON.parse(reply.text)).toEqual({
      method: 'POST',
      url: '/t/token?a=b',
      httpVersion: '1.1',
      headers: {
        host: `localhost:${peer.port}`,
        connection: 'keep-alive',
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': '3',
      },
      body: 'c=d',
    });
  });

  it('reads an answer in pieces that cut a character, behind a hint and a byte order mark', async () => {
    await using peer = await startHttpsPeer(certificates, certificates.good, async (req, res) => {
      await readBody(req);
      res.writeEarlyHints({ link: '</style.css>; rel=preload' });
      res.writeHead(400, { 'x-ms-request-id': 'final' });
      for (const byte of Buffer.from('\u{feff}{"error":"é€𝄞"}')) {
        await new Promise((resolve) => res.write(Buffer.of(byte), resolve));
      }
      res.end();
    });
    const { status, headers, text } = await post(peer.port);
    expect(text).toBe('{"error":"é€𝄞"}');
    expect(status).toBe(400);
    expect(headers['x-ms-request-id']).toBe('final');
  });

  it('uses a connection again for what follows at once', async () => {
    await using peer = await startHttpsPeer(certificates, certificates.good, async (req, res) => {
      await readBody(req);
      sendJson(res, 200, {});
    });
    const seen = new Set<object>();
    for (let n = 0; n < 3; n += 1) {
      await post(peer.port);
      for (const socket of peer.sockets) seen.add(socket);
    }
    expect(seen.size).toBe(1);
  });

  it('follows no redirect and keeps no cookie', async () => {
    const cookies: unknown[] = [];
    await using peer = await startHttpsPeer(certificates, certificates.good, async (req, res) => {
      cookies.push(req.headers.cookie);
      await readBody(req);
      res.writeHead(307, { location: '/elsewhere', 'set-cookie': 'a=b' }).end();
    });
    expect((await post(peer.port)).status).toBe(307);
    expect((await post(peer.port)).status).toBe(307);
    expect(cookies).toEqual([undefined, undefined]);
  });

  it.each([
    ['of an unknown CA', 'good', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['that has expired', 'expired', 'CERT_HAS_EXPIRED'],
    ['for another name', 'forAnotherName', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ] as const)('refuses a certificate %s', async (_name, which, code) => {
    const other = which === 'good' ? await createCertificates() : certificates;
    let requests = 0;
    await using peer = await startHttpsPeer(other, other[which], (_req, res) => {
      requests += 1;
      sendJson(res, 200, {});
    });
    await expect(post(peer.port)).rejects.toMatchObject({ code });
    expect(requests).toBe(0);
  });

  it('reads at most 128 KiB of an answer', async () => {
    await using peer = await startHttpsPeer(certificates, certificates.good, async (req, res) => {
      await readBody(req);
      res.end('x'.repeat(128 * 1_024 + 1));
    });
    await expect(post(peer.port)).rejects.toMatchObject({ code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' });
  });

  it('tells a refused connection, a reset and half an answer by their codes', async () => {
    const gone = await startTcpPeer(() => {});
    await gone[Symbol.asyncDispose]();
    const refused = await post(gone.port).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'ECONNREFUSED' });

    await using reset = await startTcpPeer((socket) => socket.resetAndDestroy());
    await expect(post(reset.port, { scheme: 'http' })).rejects.toMatchObject({
      code: 'ECONNRESET',
    });

    await using half = await startTcpPeer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"acc'));
    });
    await expect(post(half.port, { scheme: 'http' })).rejects.toMatchObject({
      code: 'UND_ERR_SOCKET',
    });

    await using noise = await startTcpPeer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    await expect(post(noise.port, { scheme: 'http' })).rejects.toMatchObject({
      name: 'HTTPParserError',
    });
  });

  it('T22: ends a connection that never stands, and one whose TLS never does', async () => {
    transport = createUndiciTransport({ connectTimeoutMs: 200 });
    await using deaf = await startTcpPeer(() => {});
    await expect(post(deaf.port)).rejects.toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' });
    await deaf.quiet();

    const hole = await startBlackHole();
    await expect(post(hole.port)).rejects.toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' });
    await hole.stop();
  });

  it('T22: ends headers that never come, and a body that stops', async () => {
    transport = createUndiciTransport({ headersTimeoutMs: 200, bodyTimeoutMs: 200 });
    await using silent = await startTcpPeer(() => {});
    await expect(post(silent.port, { scheme: 'http' })).rejects.toMatchObject({
      code: 'UND_ERR_HEADERS_TIMEOUT',
    });
    await silent.quiet();

    await using stalled = await startTcpPeer((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"a'));
    });
    await expect(post(stalled.port, { scheme: 'http' })).rejects.toMatchObject({
      code: 'UND_ERR_BODY_TIMEOUT',
    });
    await stalled.quiet();
  });

  it('T22: ends at once with the signal while it waits for the connection', async () => {
    const hole = await startBlackHole();
    const controller = new AbortController();
    const open = () => process.getActiveResourcesInfo().filter((type) => /^TCP/.test(type)).length;
    const before = open();
    const waiting = post(hole.port, { signal: controller.signal });
    while (open() === before) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error('deadline'));
    await expect(waiting).rejects.toThrow('deadline');
    while (open() > before) await new Promise((resolve) => setImmediate(resolve));
    await hole.stop();
  });

  it.each([
    ['for TLS', 'https', ''],
    ['for headers', 'http', ''],
    ['for the body', 'http', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"a'],
  ])(
    'T22: ends at once with the signal while it waits %s, and closes the connection',
    async (_name, scheme, start) => {
      transport = createUndiciTransport({ connectTimeoutMs: 500 });
      const controller = new AbortController();
      await using peer = await startTcpPeer((socket) => {
        socket.once('data', () => {
          socket.write(start);
          setImmediate(() => controller.abort(new Error('deadline')));
        });
      });
      await expect(post(peer.port, { scheme, signal: controller.signal })).rejects.toThrow(
        'deadline',
      );
      await peer.quiet();
    },
  );

  it('does not begin when the signal has aborted', async () => {
    await using peer = await startTcpPeer(() => {});
    const signal = AbortSignal.abort(new Error('gone'));
    await expect(post(peer.port, { signal })).rejects.toThrow('gone');
    expect(peer.sockets.size).toBe(0);
  });

  it('lets no request wait for another that hangs', async () => {
    const controller = new AbortController();
    let requests = 0;
    await using peer = await startHttpsPeer(certificates, certificates.good, async (req, res) => {
      await readBody(req);
      requests += 1;
      if (requests > 20) sendJson(res, 200, {});
    });
    const hanging = Array.from({ length: 20 }, () =>
      post(peer.port, { signal: controller.signal }),
    );
    await peer.connections(20);
    while (requests < 20) await new Promise((resolve) => setImmediate(resolve));
    expect((await post(peer.port)).status).toBe(200);
    controller.abort(new Error('enough'));
    const results = await Promise.allSettled(hanging);
    expect(results.every((result) => result.status === 'rejected')).toBe(true);
    // What hung is not used again, and nothing of it harms who comes next.
    expect((await post(peer.port)).status).toBe(200);
  });

  it('fails the requests under way when it is closed', async () => {
    await using peer = await startTcpPeer(() => {});
    const waiting = post(peer.port, { scheme: 'http' });
    const failed = expect(waiting).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' });
    await peer.connections(1);
    await transport.close();
    await failed;
    await peer.quiet();
  });
});

/**
 * A listener whose process takes no connections and whose queue is full, so that the kernel answers no
 * further SYN, as a firewall does that drops packets.
 */
async function startBlackHole(): Promise<{ port: number; stop: () => Promise<unknown> }> {
  const worker = new Worker(
    `const net = require('node:net');
     const { parentPort } = require('node:worker_threads');
     const server = net.createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       const { port } = server.address();
       const fillers = Array.from({ length: 4 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
       parentPort.postMessage(port);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true },
  );
  const [port] = await once(worker, 'message');
  return { port, stop: () => worker.terminate() };
}
