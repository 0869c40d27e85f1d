import http from 'node:http';
import net from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import type { PassThroughMode } from '../../../src/proxy/http/pass-through-gate.ts';
import { connect, headerOf, send, sendRaw, toBytes } from '../../support/raw-http.ts';
import {
  ask,
  findClosedPort,
  identity,
  instance,
  listen,
  opened,
  startProxy,
  startUpstream,
} from './upstream.ts';

describe('forwarded requests', () => {
  test.each<[PassThroughMode, string, boolean]>([
    ['off', '/metadata/instance', false],
    ['instance', '/metadata/instance', true],
    ['instance', '/metadata/instance/compute/location', true],
    ['instance', '/metadata/versions', true],
    ['instance', '/metadata/scheduledevents', true],
    ['instance', '/metadata/loadbalancer', true],
    ['instance', '/metadata/attested/document', false],
    ['all', '/metadata/attested/document', true],
    ['all', '/metadata/identity/info', false],
    ['all', '/metadata/identity', false],
    ['all', '/metadata/Identity/oauth2/token', false],
    ['all', '/metadata/instance/../identity/oauth2/token', false],
    ['all', '/metadata/instance/%2e%2e/identity/oauth2/token', false],
    ['all', '/metadata/instance%2f..%2fidentity', false],
    ['all', '/metadata/other', false],
    ['all', '/latest/meta-data', false],
    ['all', '/', false],
  ])('%s: %s is %s', async (mode, path, forwarded) => {
    const upstream = await startUpstream((_, response) => response.end('from upstream'));
    const proxy = await startProxy(upstream.endpoint, mode);
    const response = await ask(proxy, `${path}?api-version=2021-02-01`);
    expect(response.status).toBe(forwarded ? 200 : 404);
    expect(upstream.requests.map(({ url }) => url)).toEqual(
      forwarded ? [`${path}?api-version=2021-02-01`] : [],
    );
  });

  test('the token path is answered here even if all is forwarded', async () => {
    const upstream = await startUpstream((_, response) => response.end('{}'));
    const proxy = await startProxy(upstream.endpoint, 'all');
    const response = await ask(
      proxy,
      '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x',
    );
    expect(JSON.parse(response.body)).toMatchObject({ client_id: identity.clientId });
    expect(upstream.requests).toEqual([]);
  });

  test('the normalised path and the query as it was', async () => {
    const upstream = await startUpstream((_, response) => response.end('{}'));
    const proxy = await startProxy(upstream.endpoint);
    await ask(proxy, '//Metadata//instance/compute/?a=%20+b&&a=c');
    expect(upstream.requests[0]?.url).toBe('/metadata/instance/compute?a=%20+b&&a=c');
  });

  test('only GET, without a trace of a proxy, to our own Host, with the header', async () => {
    const upstream = await startUpstream((_, response) => response.end('{}'));
    const proxy = await startProxy(upstream.endpoint);
    const post = await sendRaw(
      proxy.endpoint,
      `POST /metadata/scheduledevents HTTP/1.1\r\nHost: localhost\r\nMetadata: true\r\n\r\n`,
    );
    expect([post.status, headerOf(post, 'allow')]).toEqual([405, 'GET']);
    expect((await ask(proxy, instance, 'X-Forwarded-For: 1.2.3.4')).status).toBe(400);
    expect(
      (await send(proxy.endpoint, { target: instance, headers: ['Host: localhost'] })).status,
    ).toBe(400);
    expect(
      (await send(proxy.endpoint, { target: instance, headers: ['Host: evil', 'Metadata: true'] }))
        .status,
    ).toBe(400);
    expect(upstream.requests).toEqual([]);
  });
});

describe('headers', () => {
  test('hop-by-hop headers stay behind on the way there, Host is the upstream', async () => {
    const upstream = await startUpstream((_, response) => response.end('{}'));
    const proxy = await startProxy(upstream.endpoint);
    await ask(
      proxy,
      instance,
      'Connection: keep-alive, X-Hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'TE: trailers',
      'Upgrade: h2c',
      'Proxy-Authorization: x',
      'User-Agent: client',
    );
    const headers = upstream.requests[0]?.headers ?? {};
    expect(headers).toMatchObject({
      host: `127.0.0.1:${upstream.endpoint.port}`,
      metadata: 'true',
      'user-agent': 'client',
    });
    for (const name of [
      'x-hop',
      'keep-alive',
      'te',
      'upgrade',
      'proxy-authorization',
      'x-forwarded-for',
    ]) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  test('nothing that could make the service answer another request travels on', async () => {
    const upstream = await startUpstream((_, response) => response.end('{}'));
    const proxy = await startProxy(upstream.endpoint);
    const sent = [
      'X-Original-URL: /metadata/identity/oauth2/token',
      'X-Rewrite-URL: /metadata/identity/oauth2/token',
      'X-HTTP-Method-Override: POST',
      'X-Forwarded-Host: evil',
      'X-Anything: 1',
      'Authorization: x',
      'Accept: application/json',
      'x-ms-client-request-id: 1',
    ];
    await ask(proxy, instance, ...sent);
    expect(Object.keys(upstream.requests[0]?.headers ?? {}).toSorted()).toEqual([
      'accept',
      'connection',
      'host',
      'metadata',
      'x-imds-proxy-loop',
      'x-ms-client-request-id',
    ]);
  });

  test.each(['#', '?a=b#c', '?a=%41#'])('a raw # as in %s is refused', async (rest) => {
    const upstream = await startUpstream((_, response) => response.end('{}'));
    const proxy = await startProxy(upstream.endpoint);
    const path = instance.split('?', 1)[0];
    expect((await ask(proxy, `${path}${rest}`)).status).toBeGreaterThanOrEqual(400);
    expect(upstream.requests).toEqual([]);
  });

  test('and on the way back; the answer has a length and both ids', async () => {
    const upstream = await startUpstream((_, response) => {
      response.writeHead(200, {
        Connection: 'close, X-Hop',
        'X-Hop': '1',
        'Content-Type': 'application/json; charset=utf-8',
        Server: 'IMDS/150.870.65.1103',
        'Set-Cookie': 'a=b',
        'Transfer-Encoding': 'chunked',
        'x-ms-request-id': 'upstream-id',
      });
      response.write('{"compute":');
      response.end('{}}');
    });
    const proxy = await startProxy(upstream.endpoint);
    const response = await ask(proxy, instance);
    expect(response.body).toBe('{"compute":{}}');
    expect(headerOf(response, 'content-length')).toBe('14');
    expect(headerOf(response, 'server')).toBe('IMDS/150.870.65.1103');
    expect(headerOf(response, 'x-ms-request-id')).toBe('upstream-id');
    for (const name of ['x-hop', 'transfer-encoding', 'set-cookie']) {
      expect(response.headers.has(name), name).toBe(false);
    }
  });

  test('an answer without Server and id gets ours', async () => {
    const upstream = await startUpstream((_, response) => response.end('{}'));
    const proxy = await startProxy(upstream.endpoint);
    const response = await ask(proxy, instance);
    expect(headerOf(response, 'server')).toMatch(/^IMDS\//);
    expect(headerOf(response, 'x-ms-request-id')).toHaveLength(36);
  });

  test('status and body of an error of the service arrive as they are', async () => {
    const body = '{ "error": "Bad request: . api-version", "newest-versions": [ "2025-04-07" ] }';
    const upstream = await startUpstream((_, response) => {
      response.writeHead(400, { 'Content-Type': 'application/json' });
      response.end(body);
    });
    const proxy = await startProxy(upstream.endpoint);
    const response = await ask(proxy, '/metadata/instance');
    expect([response.status, response.body]).toEqual([400, body]);
    expect(proxy.metrics.counted).toContain('passthrough 400');
    expect(proxy.metrics.counted).toContain('finished passthrough 400');
  });

  test('an empty answer stays empty', async () => {
    const upstream = await startUpstream((_, response) => {
      response.writeHead(204);
      response.end();
    });
    const proxy = await startProxy(upstream.endpoint);
    const response = await ask(proxy, instance);
    expect([response.status, response.body]).toEqual([204, '']);
  });
});

describe('a service that fails', () => {
  test('nobody listens: 404 at once, and the next request does not even try', async () => {
    const endpoint = await findClosedPort();
    const proxy = await startProxy(endpoint);
    expect((await ask(proxy, instance)).status).toBe(404);
    const upstream = http.createServer((_, response) => response.end('{}'));
    await new Promise<void>((resolve) => upstream.listen(endpoint.port, '127.0.0.1', resolve));
    opened.push({
      [Symbol.asyncDispose]: () =>
        new Promise<void>((resolve) => void upstream.close(() => resolve())),
    });
    expect((await ask(proxy, instance)).status).toBe(404);
    await proxy.clock.advance(30_000);
    expect((await ask(proxy, instance)).status).toBe(200);
  });

  test('no answer: 503 after five seconds, with Retry-After', async () => {
    const upstream = await startUpstream(() => {});
    const proxy = await startProxy(upstream.endpoint);
    const answer = ask(proxy, instance);
    await vi.waitFor(() => expect(upstream.requests).toHaveLength(1));
    await proxy.clock.advance(4_999);
    expect(proxy.server.inFlight).toBe(1);
    await proxy.clock.advance(1);
    const response = await answer;
    expect(response.status).toBe(503);
    expect(headerOf(response, 'retry-after')).toBe('1');
    expect(JSON.parse(response.body)).toMatchObject({ error: 'service_unavailable' });
  });

  test('an answer that stops in the middle is 503, never half of it', async () => {
    const upstream = await startUpstream((_, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('half');
    });
    const proxy = await startProxy(upstream.endpoint);
    const answer = ask(proxy, instance);
    await vi.waitFor(() => expect(upstream.requests).toHaveLength(1));
    await proxy.clock.advance(5_000);
    expect((await answer).status).toBe(503);
  });

  test.each<[string, http.RequestListener]>([
    ['ends the connection', (request) => request.socket.destroy()],
    [
      'ends the connection inside the body',
      (request, response) => {
        response.writeHead(200, { 'Content-Length': '100' });
        response.write('half', () => request.socket.destroy());
      },
    ],
    [
      'redirects',
      (_, response) => {
        response.writeHead(302, { Location: 'http://127.0.0.1:1/' });
        response.end();
      },
    ],
    [
      'switches to another protocol',
      (request) => {
        request.socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
        );
      },
    ],
    [
      'switches without saying to what',
      (request) => {
        request.socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      },
    ],
    [
      'answers without end',
      (_, response) => {
        const more = (): void => {
          while (response.write('x'.repeat(65_536)));
          response.once('drain', more);
        };
        more();
      },
    ],
  ])('a service that %s: 503', async (_name, listener) => {
    const upstream = await startUpstream(listener);
    const proxy = await startProxy(upstream.endpoint);
    const response = await ask(proxy, instance);
    expect(response.status).toBe(503);
    expect(proxy.logger.lines.filter(({ level }) => level === 'warning')).toHaveLength(1);
    expect(upstream.requests).toHaveLength(1);
  });

  test('an answer that is not HTTP: 503', async () => {
    const sockets = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.end('SSH-2.0-OpenSSH\r\n\r\n');
    });
    const { endpoint } = await listen(server, () => {
      for (const socket of sockets) socket.destroy();
    });
    expect((await ask(await startProxy(endpoint), instance)).status).toBe(503);
  });

  test('a client that leaves ends the request to the service', async () => {
    const upstream = await startUpstream(() => {});
    const proxy = await startProxy(upstream.endpoint);
    const client = await connect(proxy.endpoint);
    client.write(toBytes({ target: instance, headers: ['Host: localhost', 'Metadata: true'] }));
    await vi.waitFor(() => expect(upstream.requests).toHaveLength(1));
    // A half-closed client still listens; only a reset says that nobody does.
    client.reset();
    await vi.waitFor(() => expect(upstream.requests[0]?.socket.destroyed).toBe(true));
    await vi.waitFor(() => expect(proxy.server.inFlight).toBe(0));
  });

  test('more than fifty at once are told to come again', async () => {
    const upstream = await startUpstream(() => {});
    const proxy = await startProxy(upstream.endpoint);
    const waiting = Array.from({ length: 50 }, () => ask(proxy, instance));
    await vi.waitFor(() => expect(upstream.requests).toHaveLength(50));
    const refused = await ask(proxy, instance);
    expect([refused.status, headerOf(refused, 'retry-after')]).toEqual([429, '1']);
    await proxy.clock.advance(5_000);
    for (const response of await Promise.all(waiting)) expect(response.status).toBe(503);
  });
});
