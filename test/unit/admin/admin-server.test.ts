import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type AdminServerDeps, createAdminServer } from '../../../src/proxy/admin/admin-server.ts';
import { systemClock } from '../../../src/proxy/clock.ts';
import type { Logger } from '../../../src/shared/logger.ts';

type Line = readonly [level: string, message: string];

async function start(overrides: Partial<AdminServerDeps> = {}): Promise<{
  readonly port: number;
  readonly lines: Line[];
}> {
  const lines: Line[] = [];
  const logger: Logger = {
    isEnabled: () => true,
    log: (level, message) => lines.push([level, message]),
  };
  const server = createAdminServer(
    {
      clock: systemClock,
      logger,
      checkLiveness: async () => undefined,
      checkReadiness: () =>
        Promise.resolve({ ready: true, checks: [{ name: 'serving', outcome: 'passed' }] }),
      loadExposition: () =>
        Promise.resolve({ contentType: 'text/plain; version=0.0.4', render: async () => 'a 1\n' }),
      renderStatus: async () => ({ text: Buffer.from('up\n'), json: Buffer.from('{}\n') }),
      ...overrides,
    },
    { address: '127.0.0.1', port: 0 },
  );
  const port = await server.listen();
  onTestFinished(() => server.close());
  if (port === undefined) throw new Error('not listening');
  return { port, lines };
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

async function ask(port: number, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    ...init,
    signal: AbortSignal.timeout(5_000),
  });
  return { status: response.status, body: await response.text(), headers: response.headers };
}

const notReady = {
  ready: false,
  checks: [{ name: 'federated-token', outcome: 'failed', detail: 'is missing' }],
} as const;

describe('health', () => {
  test.each([
    ['/livez', 'ok'],
    ['/healthz', 'ok'],
    ['/readyz', 'ok'],
    ['/livez?verbose', '[+]proxy-port ok\nlivez check passed\n'],
    ['/healthz?verbose=1', '[+]proxy-port ok\nhealthz check passed\n'],
    ['/readyz?verbose', '[+]serving ok\nreadyz check passed\n'],
    ['/readyz?a=b&verbose&c', '[+]serving ok\nreadyz check passed\n'],
    ['/readyz?verbosely', 'ok'],
  ])('%s when all is well', async (path, body) => {
    const { port } = await start();
    expect(await ask(port, path)).toMatchObject({ status: 200, body });
  });

  test('not ready: 503 with the failed check, verbose or not, and still alive', async () => {
    const { port } = await start({ checkReadiness: () => Promise.resolve(notReady) });
    for (const path of ['/readyz', '/readyz?verbose']) {
      expect(await ask(port, path)).toMatchObject({
        status: 503,
        body: '[-]federated-token failed: is missing\nreadyz check failed\n',
      });
    }
    expect(await ask(port, '/livez')).toMatchObject({ status: 200, body: 'ok' });
    expect(await ask(port, '/healthz')).toMatchObject({ status: 200, body: 'ok' });
  });

  test('HEAD answers without a body', async () => {
    const { port } = await start();
    const { status, body, headers } = await ask(port, '/readyz', { method: 'HEAD' });
    expect([status, body, headers.get('content-length')]).toEqual([200, '', '2']);
  });

  test('nothing is cached on the way', async () => {
    const { port } = await start();
    expect((await ask(port, '/readyz')).headers.get('cache-control')).toBe('no-store');
  });
});

describe('metrics', () => {
  test('are loaded by the first scrape, once', async () => {
    let loads = 0;
    let renders = 0;
    const { port } = await start({
      loadExposition: async () => {
        loads += 1;
        return {
          contentType: 'text/plain; version=0.0.4; charset=utf-8',
          render: async () => {
            renders += 1;
            return `a ${renders}\n`;
          },
        };
      },
    });
    await ask(port, '/livez');
    expect(loads).toBe(0);
    const first = await ask(port, '/metrics');
    expect(first).toMatchObject({ status: 200, body: 'a 1\n' });
    expect(first.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect((await ask(port, '/metrics')).body).toBe('a 2\n');
    expect(loads).toBe(1);
  });

  test('that cannot be loaded cost the scrape, and are tried again', async () => {
    let loads = 0;
    const { port, lines } = await start({
      loadExposition: async () => {
        loads += 1;
        if (loads === 1) throw new Error('disk on fire');
        return { contentType: 'text/plain', render: async () => 'a 1\n' };
      },
    });
    expect(await ask(port, '/metrics')).toMatchObject({ status: 500, body: 'internal error\n' });
    expect(lines).toEqual([['error', 'failed to answer on the admin port']]);
    expect(await ask(port, '/metrics')).toMatchObject({ status: 200 });
  });
});

describe('clients of the admin port', () => {
  test('many callers share one run, and nobody gets an older result', async () => {
    let renders = 0;
    let checks = 0;
    const { port } = await start({
      loadExposition: async () => ({
        contentType: 'text/plain',
        render: async () => `a ${++renders}\n`,
      }),
      checkReadiness: async () => {
        checks += 1;
        return { ready: true, checks: [] };
      },
    });
    await ask(port, '/metrics');
    await ask(port, '/readyz');
    const bodies = await Promise.all(
      Array.from({ length: 100 }, async (_, index) =>
        index % 2 === 0 ? (await ask(port, '/metrics')).body : (await ask(port, '/readyz')).body,
      ),
    );
    expect(bodies).not.toContain('a 1\n');
    // How many runs that takes depends on how fast the machine is; one each would be 50.
    expect(renders).toBeLessThan(20);
    expect(checks).toBeLessThan(20);
  });
});

describe('liveness', () => {
  test.each(['livez', 'healthz'])(
    '/%s fails with the reason when the port of the proxy does',
    async (name) => {
      const { port } = await start({ checkLiveness: async () => 'no answer within 4 s' });
      expect(await ask(port, `/${name}`)).toMatchObject({
        status: 503,
        body: `[-]proxy-port failed: no answer within 4 s\n${name} check failed\n`,
      });
    },
  );
});

test('versions other than HTTP/1 are refused', async () => {
  const { port } = await start();
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /metrics HTTP/2.0\r\n\r\n');
  const [data] = await once(socket, 'data');
  expect(String(data)).toMatch(/^HTTP\/1\.1 505 /);
  socket.destroy();
});

describe('no way to a token', () => {
  test.each([
    '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net',
    '/Metadata/identity/oauth2/token',
    '/metadata/instance?api-version=2021-02-01',
    '/msi/token',
    '/',
    '/metrics/',
    '//metrics',
    '/livez/x',
  ])('%s is 404', async (path) => {
    const { port } = await start();
    const { status, body } = await ask(port, path, { headers: { Metadata: 'true' } });
    expect(status).toBe(404);
    expect(body).not.toContain('token');
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is 405', async (method) => {
    const { port } = await start();
    const { status, headers } = await ask(port, '/metrics', { method });
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

test('probes and scrapes leave no line in the log', async () => {
  const { port, lines } = await start();
  for (const path of ['/livez', '/readyz?verbose', '/healthz', '/metrics', '/nope']) {
    await ask(port, path);
  }
  expect(lines).toEqual([]);
});

test('a malformed request costs its own connection only', async () => {
  const { port, lines } = await start();
  const socket = connect(port, '127.0.0.1');
  socket.end('NONSENSE\r\n\r\n');
  socket.resume();
  await once(socket, 'close');
  expect(await ask(port, '/livez')).toMatchObject({ status: 200 });
  expect(lines).toEqual([]);
});

test('a taken port is a warning and no crash', async () => {
  const taken = createServer();
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => {
    taken.close();
  });
  const address = taken.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const lines: Line[] = [];
  const server = createAdminServer(
    {
      clock: systemClock,
      checkLiveness: async () => undefined,
      logger: { isEnabled: () => true, log: (level, message) => lines.push([level, message]) },
      checkReadiness: () => Promise.resolve(notReady),
      loadExposition: () => Promise.reject(new Error('never asked for')),
      renderStatus: () => Promise.reject(new Error('never asked for')),
    },
    { address: '127.0.0.1', port },
  );
  expect(await server.listen()).toBeUndefined();
  expect(lines).toEqual([
    [
      'warning',
      `--admin-port (IMDS_PROXY_ADMIN_PORT): ${port} on 127.0.0.1 cannot be had: the port is in use; health and metrics are not served, set another port, or 0 to do without`,
    ],
  ]);
  await server.close();
});

test('closing ends idle connections as well', async () => {
  const server = createAdminServer(
    {
      clock: systemClock,
      checkLiveness: async () => undefined,
      logger: { isEnabled: () => true, log: () => {} },
      checkReadiness: () => Promise.resolve(notReady),
      loadExposition: () => Promise.reject(new Error('never asked for')),
      renderStatus: () => Promise.reject(new Error('never asked for')),
    },
    { address: '127.0.0.1', port: 0 },
  );
  const port = (await server.listen()) ?? 0;
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'data');
  const closed = once(socket, 'close');
  await server.close();
  await closed;
  await expect(ask(port, '/livez')).rejects.toThrow();
});

describe('the status page', () => {
  test.each([
    ['/statusz', 'up\n', 'text/plain; charset=utf-8'],
    ['/statusz?output=json', '{}\n', 'application/json'],
  ])('%s answers from inside the pod', async (path, body, contentType) => {
    const { port } = await start();
    const answer = await ask(port, path);
    expect(answer).toMatchObject({ status: 200, body });
    expect(answer.headers.get('content-type')).toBe(contentType);
  });

  test.each([
    ['a proxy that forwards', { 'X-Forwarded-For': '10.0.0.9' }],
    ['a mesh', { 'l5d-client-id': 'default.app.serviceaccount.identity.linkerd.cluster.local' }],
    ['a web page with a rebound name', { Host: 'evil.example' }],
    ['a web page with a rebound name of this pod', { Host: 'localhost.evil.example:9808' }],
  ])('is refused to %s', async (_who, headers) => {
    const { port } = await start();
    const lines = Object.entries({ Host: 'localhost', ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    const answer = await sendRaw(
      port,
      `GET /statusz HTTP/1.1\r\n${lines.join('')}Connection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer).toContain('kubectl port-forward');
    expect(answer).not.toContain('up\n');
  });

  test('is refused to another address, also to one of loopback that a mesh uses', async () => {
    const { port } = await start();
    const request = 'GET /statusz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    expect(await sendRaw(port, request, '127.0.0.6')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await sendRaw(port, request, '127.0.0.1')).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('is rendered once for many who ask at the same time', async () => {
    let renders = 0;
    const { port } = await start({
      renderStatus: async () => {
        renders += 1;
        return { text: Buffer.from('up\n'), json: Buffer.from('{}\n') };
      },
    });
    await Promise.all(Array.from({ length: 40 }, () => ask(port, '/statusz')));
    expect(renders).toBeLessThan(10);
  });
});

/** Sends bytes from a local address and returns the whole answer. */
async function sendRaw(port: number, bytes: string, localAddress = '127.0.0.1'): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.setEncoding('utf8').write(bytes);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}
