import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { findExplanation } from '../../../../src/proxy/entra/transport/explained-fault.ts';
import {
  createUndiciTransport,
  type UndiciTransport,
} from '../../../../src/proxy/entra/transport/undici-transport.ts';
import { findProgram } from '../../../support/find-program.ts';
import { describeUnless } from '../../../support/skip.ts';
import {
  type Certificates,
  createCertificates,
  readBody,
  sendJson,
  startConnectProxy,
  startHttpsPeer,
  startTcpPeer,
} from '../loopback.ts';
import { neverAborted } from '../support.ts';

let certificates: Certificates;
let intercepting: Certificates;
let transport: UndiciTransport;
const roots = getCACertificates('default');

beforeAll(async () => {
  certificates = await createCertificates();
  intercepting = await createCertificates();
  setDefaultCACertificates([...roots, certificates.ca]);
});
afterAll(() => setDefaultCACertificates(roots));
afterEach(() => transport.close());

const answer = async (
  req: Parameters<typeof readBody>[0],
  res: Parameters<typeof sendJson>[0],
): Promise<void> => sendJson(res, 200, { body: await readBody(req), headers: req.headers });

function post(
  httpProxy: string,
  port: number,
  { signal = neverAborted, connectTimeoutMs = 5_000, host = 'localhost' } = {},
) {
  transport = createUndiciTransport({ httpProxy, connectTimeoutMs });
  return transport.post(`https://${host}:${port}/t`, { 'content-type': 'text/plain' }, 'x', signal);
}

async function fault(posting: Promise<unknown>) {
  const error = await posting.then(
    () => expect.fail('succeeded'),
    (thrown: unknown) => thrown,
  );
  return findExplanation(error);
}

describe('through an HTTP proxy', () => {
  it('opens a tunnel and speaks TLS with the host behind it', async () => {
    await using peer = await startHttpsPeer(certificates, certificates.good, answer);
    await using proxy = await startConnectProxy();
    const reply = await post(`http://127.0.0.1:${proxy.port}`, peer.port);
    expect(JSON.parse(reply.text)).toMatchObject({
      body: 'x',
      headers: { host: `localhost:${peer.port}` },
    });
    expect(proxy.asked).toEqual([{ target: `localhost:${peer.port}`, authorization: undefined }]);
  });

  it('shows user and password to the proxy and to nobody else', async () => {
    await using peer = await startHttpsPeer(certificates, certificates.good, answer);
    await using proxy = await startConnectProxy();
    const reply = await post(`http://us%40er:p%3Ass@127.0.0.1:${proxy.port}`, peer.port);
    const basic = `Basic ${Buffer.from('us@er:p:ss').toString('base64')}`;
    expect(proxy.asked).toMatchObject([{ authorization: basic }]);
    expect(reply.text).not.toContain('proxy-authorization');
  });

  it('uses a tunnel again', async () => {
    await using peer = await startHttpsPeer(certificates, certificates.good, answer);
    await using proxy = await startConnectProxy();
    await post(`http://127.0.0.1:${proxy.port}`, peer.port);
    await transport.post(`https://localhost:${peer.port}/t`, {}, 'x', neverAborted);
    expect(proxy.asked).toHaveLength(1);
  });

  it('speaks TLS with the proxy as well', async () => {
    await using peer = await startHttpsPeer(certificates, certificates.good, answer);
    const tls = { key: certificates.key, cert: certificates.good };
    await using proxy = await startConnectProxy({ tls });
    for (const host of ['localhost', '127.0.0.1']) {
      expect(await post(`https://${host}:${proxy.port}`, peer.port)).toMatchObject({ status: 200 });
      await transport.close();
    }
  });

  it('T8: meets one that intercepts TLS, trusted by NODE_EXTRA_CA_CERTS alone', async () => {
    await using interceptor = await startHttpsPeer(intercepting, intercepting.good, answer);
    await using proxy = await startConnectProxy({ upstreamPort: interceptor.port });
    const url = `http://127.0.0.1:${proxy.port}`;
    await expect(post(url, 443)).rejects.toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    });
    await transport.close();
    setDefaultCACertificates([...roots, certificates.ca, intercepting.ca]);
    expect(await post(url, 443)).toMatchObject({ status: 200 });
    setDefaultCACertificates([...roots, certificates.ca]);
    expect(proxy.asked.map(({ target }) => target)).toEqual(['localhost:443', 'localhost:443']);
  });

  it.each([
    [407, 'none', /status 407/, /HTTPS_PROXY=http:\/\/user:password@host:port/],
    [403, 'none', /status 403/, /allow CONNECT to localhost:443.*NO_PROXY/],
    [502, 'transient', /status 502/, /NO_PROXY/],
  ] as const)('explains its refusal with %i', async (status, retry, description, hint) => {
    await using proxy = await startConnectProxy({ answer: status });
    const found = await fault(post(`http://user:hunter2@127.0.0.1:${proxy.port}`, 443));
    expect(found).toMatchObject({
      means: 'ERR_UNAVAILABLE',
      retry,
      description: expect.stringMatching(description),
      hint: expect.stringMatching(hint),
    });
    expect(JSON.stringify(found)).not.toContain('hunter2');
    await proxy.quiet();
  });

  it('explains one that is down, closes or is not an HTTP proxy', async () => {
    const gone = await startTcpPeer(() => {});
    await gone[Symbol.asyncDispose]();
    expect(await fault(post(`http://127.0.0.1:${gone.port}`, 443))).toMatchObject({
      description: `The connection to the HTTP proxy 127.0.0.1:${gone.port} failed (ECONNREFUSED).`,
      retry: 'transient',
    });
    await using closing = await startConnectProxy({ answer: (socket) => socket.end() });
    expect(await fault(post(`http://127.0.0.1:${closing.port}`, 443))).toMatchObject({
      description: expect.stringContaining('(ECONNRESET)'),
    });
    await using noise = await startTcpPeer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    expect(await fault(post(`http://127.0.0.1:${noise.port}`, 443))).toMatchObject({
      description: expect.stringContaining('(HPE_INVALID_CONSTANT)'),
    });
  });

  it('T22: ends a CONNECT that is never answered, and leaves no connection', async () => {
    await using proxy = await startConnectProxy({ answer: () => {} });
    expect(
      await fault(post(`http://127.0.0.1:${proxy.port}`, 443, { connectTimeoutMs: 100 })),
    ).toMatchObject({
      means: 'ERR_TIMEOUT',
      description: `The HTTP proxy 127.0.0.1:${proxy.port} opened no connection within 0.1 s.`,
    });
    await proxy.quiet();
  });

  it('T22: ends with the abort of its caller, whatever it waits for', async () => {
    await using deaf = await startTcpPeer(() => {});
    await using silent = await startConnectProxy({ answer: () => {} });
    await using mute = await startConnectProxy({
      answer: (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'),
    });
    for (const peer of [deaf, silent, mute]) {
      const caller = new AbortController();
      const posting = post(`http://127.0.0.1:${peer.port}`, 443, { signal: caller.signal });
      await peer.connections(1);
      caller.abort(new Error('enough'));
      await expect(posting).rejects.toThrow('enough');
      await peer.quiet();
      await transport.close();
    }
  });
});

const tinyproxy = findProgram('tinyproxy');

describeUnless(
  tinyproxy === undefined ? 'tinyproxy is not installed' : undefined,
  'through tinyproxy',
  () => {
    it('with user and password, without, and when it is stopped', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'tinyproxy-'));
      const free = createTcpServer().listen(0, '127.0.0.1');
      await once(free, 'listening');
      const { port } = free.address() as AddressInfo;
      await new Promise((resolve) => free.close(resolve));
      const config = join(folder, 'tinyproxy.conf');
      await writeFile(
        config,
        `Port ${port}\nListen 127.0.0.1\nTimeout 60\nBasicAuth user hunter2\nLogLevel Critical\n`,
      );
      const child = spawn(tinyproxy ?? '', ['-d', '-c', config], { stdio: 'ignore' });
      try {
        await untilListening(port);
        await using peer = await startHttpsPeer(certificates, certificates.good, answer);
        expect(await post(`http://user:hunter2@127.0.0.1:${port}`, peer.port)).toMatchObject({
          status: 200,
        });
        await transport.close();
        expect(await fault(post(`http://127.0.0.1:${port}`, peer.port))).toMatchObject({
          description: expect.stringMatching(
            /refused a connection to localhost:\d+ with status 40[17]/,
          ),
          retry: 'none',
        });
        await transport.close();
        child.kill('SIGSTOP');
        const url = `http://user:hunter2@127.0.0.1:${port}`;
        expect(await fault(post(url, peer.port, { connectTimeoutMs: 200 }))).toMatchObject({
          means: 'ERR_TIMEOUT',
        });
      } finally {
        child.kill('SIGKILL');
        await once(child, 'exit');
        await rm(folder, { recursive: true, force: true });
      }
    });
  },
);

async function untilListening(port: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.destroy();
    },
    { timeout: 10_000, interval: 20 },
  );
}

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((address) => address?.address === '::1');

describeUnless(hasIpv6 ? undefined : 'this machine has no address ::1', 'IPv6', () => {
  it('reaches an address', async () => {
    const cert = await certificates.issue([{ type: 'ip', value: '::1' }]);
    await using peer = await startHttpsPeer(certificates, cert, answer, '::1');
    transport = createUndiciTransport();
    const reply = await transport.post(`https://[::1]:${peer.port}/t`, {}, 'x', neverAborted);
    expect(JSON.parse(reply.text)).toMatchObject({ headers: { host: `[::1]:${peer.port}` } });
  });

  it.each([
    ['has nothing else', [{ address: '::1', family: 6 }]],
    [
      'has IPv4 as well, where nobody listens',
      [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ],
    ],
  ])('reaches a name that %s', async (_name, addresses) => {
    const cert = await certificates.issue([{ type: 'dns', value: 'entra.test' }]);
    await using peer = await startHttpsPeer(certificates, cert, answer, '::1');
    transport = createUndiciTransport({
      lookup: (_host, _options, callback) => callback(null, addresses),
    });
    const url = `https://entra.test:${peer.port}/t`;
    expect(await transport.post(url, {}, 'x', neverAborted)).toMatchObject({ status: 200 });
  });

  it('goes through a proxy at an IPv6 address to another', async () => {
    const cert = await certificates.issue([{ type: 'ip', value: '::1' }]);
    await using peer = await startHttpsPeer(certificates, cert, answer, '::1');
    const targets: string[] = [];
    const server = createServer().on('connect', (request, socket, head) => {
      targets.push(request.url ?? '');
      const upstream = connect(peer.port, '::1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
    });
    server.listen(0, '::1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await post(`http://[::1]:${port}`, peer.port, { host: '[::1]' })).toMatchObject({
      status: 200,
    });
    expect(targets).toEqual([`[::1]:${peer.port}`]);
    await transport.close();
    await new Promise((resolve) => server.close(resolve));
  });
});
