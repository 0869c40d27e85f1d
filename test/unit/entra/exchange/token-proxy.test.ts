import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { type Clock, systemClock } from '../../../../src/proxy/clock.ts';
import { createEntra, type Entra, type EntraDeps } from '../../../../src/proxy/entra/entra.ts';
import type { EntraSettings, TokenProxySettings } from '../../../../src/proxy/entra/settings.ts';
import {
  type Certificates,
  createCertificates,
  readBody,
  sendJson,
  startConnectProxy,
  startHttpsPeer,
  startRotatingPeer,
} from '../loopback.ts';
import {
  clusterClaims,
  createRecordingLogger,
  makeAssertion,
  neverAborted,
  type RecordingLogger,
  request,
} from '../support.ts';

/** Identity binding over real files, TLS and sockets. */
const serverName = 'a1b2.ests.aks';
const names = [{ type: 'dns', value: serverName }] as const;
const bindingClaims = { ...clusterClaims, aud: ['api://AKSIdentityBinding'] };
const roots = getCACertificates('default');

let cluster: Certificates;
let other: Certificates;
let certificate: string;
let folder: string;
let caFile: string;
let federatedTokenFile: string;
let logger: RecordingLogger;

beforeAll(async () => {
  cluster = await createCertificates();
  other = await createCertificates();
  certificate = await cluster.issue([...names]);
  // A CA that the whole process trusts, as it does a public one.
  setDefaultCACertificates([...roots, other.ca]);
  folder = await mkdtemp(join(tmpdir(), 'token-proxy-'));
});
afterAll(async () => {
  setDefaultCACertificates(roots);
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  logger = createRecordingLogger();
  caFile = join(folder, `${crypto.randomUUID()}.crt`);
  federatedTokenFile = join(folder, `${crypto.randomUUID()}.token`);
  await writeFile(caFile, cluster.ca);
  await writeFile(federatedTokenFile, makeAssertion(bindingClaims));
});

interface Asked {
  readonly url: string | undefined;
  readonly host: string | undefined;
  readonly serverName: unknown;
  readonly clientId: string | null;
}

/** Answers with a token and records the requests. */
function answerToken(asked: Asked[] = []) {
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const form = new URLSearchParams(await readBody(req));
    asked.push({
      url: req.url,
      host: req.headers.host,
      serverName: (req.socket as TLSSocket).servername,
      clientId: form.get('client_id'),
    });
    sendJson(res, 200, { token_type: 'Bearer', access_token: 'token', expires_in: 3_599 });
  };
}

function open(
  port: number,
  settings: Partial<TokenProxySettings> = {},
  overrides: Partial<EntraSettings> = {},
  deps: Partial<EntraDeps> = {},
): Entra & AsyncDisposable {
  const entra = createEntra(
    { clock: systemClock, logger, ...deps },
    {
      // Nobody listens there: whoever asked Entra itself would fail.
      authorityHost: 'https://127.0.0.1:1',
      federatedTokenFile,
      mode: 'binding',
      tokenProxy: {
        url: `https://127.0.0.1:${port}/`,
        serverName,
        ca: { kind: 'file', path: caFile },
        ...settings,
      },
      ...overrides,
    },
  );
  return { ...entra, [Symbol.asyncDispose]: () => entra.close() };
}

const ask = (entra: Entra) => entra.exchange(request, neverAborted);
const failure = (entra: Entra) =>
  ask(entra).then(
    () => expect.fail('got a token'),
    (error: unknown) => error,
  );

describe('T5: the name of the token proxy', () => {
  it.each(['127.0.0.1', 'localhost'])('is sent and verified at %s', async (host) => {
    const asked: Asked[] = [];
    await using peer = await startHttpsPeer(cluster, certificate, answerToken(asked));
    await using entra = open(peer.port, { url: `https://${host}:${peer.port}/root` });
    await expect(ask(entra)).resolves.toMatchObject({ accessToken: 'token' });
    expect(asked).toEqual([
      {
        url: expect.stringMatching(
          /^\/root\/22222222-[\d-]+\/oauth2\/v2\.0\/token\?client-request-id=[\da-f-]{36}$/,
        ),
        // No Host of Entra's: undici would verify the certificate against it.
        host: `${host}:${peer.port}`,
        serverName,
        clientId: request.identity.clientId,
      },
    ]);
  });

  it('is the host of the URL if no other is set', async () => {
    const asked: Asked[] = [];
    await using peer = await startHttpsPeer(cluster, cluster.good, answerToken(asked));
    await using byName = open(peer.port, {
      url: `https://localhost:${peer.port}/`,
      serverName: undefined,
    });
    await ask(byName);
    await using byAddress = open(peer.port, { serverName: undefined });
    await ask(byAddress);
    expect(asked.map((one) => one.serverName)).toEqual(['localhost', false]);
  });

  it('refuses a certificate for the address alone', async () => {
    const asked: Asked[] = [];
    await using peer = await startHttpsPeer(cluster, cluster.good, answerToken(asked));
    await using entra = open(peer.port);
    expect(await failure(entra)).toMatchObject({
      code: 'ERR_UNAVAILABLE',
      details: {
        description: `The certificate of the token proxy 127.0.0.1:${peer.port} is not for ${serverName} (ERR_TLS_CERT_ALTNAME_INVALID).`,
        hint: expect.stringContaining('AZURE_KUBERNETES_SNI_NAME'),
      },
    });
    expect(asked).toEqual([]);
  });
});

describe('T6: the CA of the token proxy', () => {
  it('alone is trusted: not the CAs of other connections', async () => {
    const asked: Asked[] = [];
    const trusted = await other.issue([...names]);
    await using peer = await startHttpsPeer(other, trusted, answerToken(asked));
    await using entra = open(peer.port, {}, {}, { clock: impatientClock });
    expect(await failure(entra)).toMatchObject({
      code: 'ERR_UNAVAILABLE',
      details: {
        description: expect.stringMatching(/^The token proxy .* and its CA do not agree/),
      },
    });
    expect(asked).toEqual([]);
    await using system = open(peer.port, { ca: { kind: 'system' } });
    await expect(ask(system)).resolves.toMatchObject({ accessToken: 'token' });
  });

  it('may be data, and several certificates', async () => {
    await using peer = await startHttpsPeer(cluster, certificate, answerToken());
    const ca = { kind: 'data', pem: `first\n${other.ca}\nsecond\n${cluster.ca}` } as const;
    await using entra = open(peer.port, { ca });
    await expect(ask(entra)).resolves.toMatchObject({ accessToken: 'token' });
    await using without = open(
      peer.port,
      { ca: { kind: 'data', pem: other.ca } },
      {},
      { clock: impatientClock },
    );
    expect(await failure(without)).toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });
});

describe('T7: the CA file changes', () => {
  async function replaceCa(content: string): Promise<void> {
    await writeFile(`${caFile}.new`, content);
    await rename(`${caFile}.new`, caFile);
  }

  it('and the next exchange trusts the new CA, while one under way is not disturbed', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let requests = 0;
    await using peer = await startRotatingPeer(cluster, certificate, async (req, res) => {
      requests += 1;
      if (requests === 1) await held;
      await answerToken()(req, res);
    });
    await using entra = open(peer.port);
    const underWay = ask(entra);
    await peer.connections(1);
    await expect.poll(() => requests).toBe(1);

    peer.present(other, await other.issue([...names]));
    await replaceCa(other.ca);
    await expect(ask(entra)).resolves.toMatchObject({ accessToken: 'token' });
    expect(logger.lines.map(({ message }) => message)).toContain(
      'the CA of the token proxy has changed: AZURE_KUBERNETES_CA_FILE',
    );
    release();
    await expect(underWay).resolves.toMatchObject({ accessToken: 'token' });
    // The old CA's connection is not used again.
    expect(peer.sockets.size).toBeLessThanOrEqual(2);
    await ask(entra);
    expect(requests).toBe(3);
  });

  it('again and again under load, and no exchange fails', async () => {
    const generations = [cluster, other, await createCertificates(), await createCertificates()];
    const served = await Promise.all(generations.map((one) => one.issue([...names])));
    await using peer = await startRotatingPeer(cluster, certificate, answerToken());
    await using entra = open(peer.port);
    let isOver = false;
    let tokens = 0;
    const load = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        await ask(entra);
        tokens += 1;
      }
    });
    for (let turn = 1; turn <= 8; turn += 1) {
      const before = tokens;
      await expect.poll(() => tokens, { timeout: 10_000 }).toBeGreaterThan(before + 8);
      const next = generations[turn % 4] ?? cluster;
      const old = generations[(turn - 1) % 4] ?? cluster;
      // The order of a rotation: both are trusted, then the server changes, then the old one goes.
      await replaceCa(`${old.ca}\n${next.ca}`);
      peer.present(next, served[turn % 4] ?? '');
      await replaceCa(next.ca);
    }
    isOver = true;
    await Promise.all(load);
    expect(tokens).toBeGreaterThan(64);
  }, 60_000);

  it('a moment after the server did, and the attempt is made again', async () => {
    await using peer = await startRotatingPeer(cluster, certificate, answerToken());
    await using entra = open(peer.port);
    peer.present(other, await other.issue([...names]));
    const asking = ask(entra);
    await expect.poll(() => logger.lines.map(({ fields }) => fields['attempt'])).toContain(1);
    await replaceCa(other.ca);
    await expect(asking).resolves.toMatchObject({ accessToken: 'token' });
  });

  it.each([
    ['empty', '', /is empty/],
    ['garbled', '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----', /cannot be parsed/],
    ['gone', undefined, /cannot be read \(ENOENT\)/],
  ])('to be %s, and the last good one is kept, with one warning', async (_name, content, fault) => {
    await using peer = await startHttpsPeer(cluster, certificate, answerToken());
    await using entra = open(peer.port);
    await ask(entra);
    if (content === undefined) await rm(caFile);
    else await replaceCa(content);
    await ask(entra);
    await ask(entra);
    const warnings = () => logger.lines.filter(({ level }) => level === 'warning');
    expect(warnings().map(({ message }) => message)).toEqual([expect.stringMatching(fault)]);
    await replaceCa(cluster.ca);
    await ask(entra);
    expect(warnings()).toHaveLength(1);
  });

  it('to be empty, and a process that has just started is told the last good one', async () => {
    await using peer = await startHttpsPeer(cluster, certificate, answerToken());
    const remembered: string[] = [];
    await using first = open(peer.port, {}, {}, { rememberCa: (pem) => remembered.push(pem) });
    await ask(first);
    await ask(first);
    expect(remembered).toEqual([cluster.ca]);
    await replaceCa('');
    await using second = open(peer.port, {}, {}, { lastGoodCaPem: remembered[0] });
    await expect(ask(second)).resolves.toMatchObject({ accessToken: 'token' });
    await using third = open(peer.port, {}, {}, { clock: impatientClock });
    expect(await failure(third)).toMatchObject({
      code: 'ERR_UNAVAILABLE',
      details: { description: `The file of AZURE_KUBERNETES_CA_FILE (${caFile}) is empty.` },
    });
  }, 20_000);

  it('from empty at first, and the exchange waits for it', async () => {
    await replaceCa('');
    await using peer = await startHttpsPeer(cluster, certificate, answerToken());
    await using entra = open(peer.port);
    const asking = ask(entra);
    await expect.poll(() => logger.lines.length).toBeGreaterThan(0);
    await replaceCa(cluster.ca);
    await expect(asking).resolves.toMatchObject({ accessToken: 'token' });
  });
});

describe('T8: HTTP proxies', () => {
  it('are for Entra; the token proxy is reached without', async () => {
    await using peer = await startHttpsPeer(cluster, certificate, answerToken());
    await using proxy = await startConnectProxy();
    await using entra = open(peer.port, {}, { httpProxy: `http://127.0.0.1:${proxy.port}` });
    await ask(entra);
    expect(proxy.asked).toEqual([]);
  });

  it('lead to the token proxy if that is asked for, with its name and CA', async () => {
    const asked: Asked[] = [];
    await using peer = await startHttpsPeer(cluster, certificate, answerToken(asked));
    await using proxy = await startConnectProxy();
    await using entra = open(peer.port, { httpProxy: `http://127.0.0.1:${proxy.port}` });
    await ask(entra);
    expect(proxy.asked.map(({ target }) => target)).toEqual([`127.0.0.1:${peer.port}`]);
    expect(asked).toMatchObject([{ serverName }]);
  });
});

/** Does not wait between attempts; deadlines, the shortest of which is 2 s, are unchanged. */
const impatientClock: Clock = {
  ...systemClock,
  after: (delayMs, callback) => systemClock.after(delayMs < 2_000 ? 0 : delayMs, callback),
};

const status = (code: number, reason: string, message: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  code,
});

describe('T18: answers that are not OAuth', () => {
  const { clientId } = request.identity;
  const subject = clusterClaims.sub;
  const forbidden = `${clientId}.cid.wi.aks.azure.com is forbidden: User "${subject}" cannot use-managed-identity`;
  const html = '<!DOCTYPE html><html><body><h1>Nothing here</h1></body></html>';

  it.each([
    [
      401,
      status(401, 'Unauthorized', 'Unauthorized'),
      1,
      'ERR_REJECTED',
      'unauthorized_client',
      /did not accept the ServiceAccount token \(401\): Unauthorized/,
      /audience api:\/\/AKSIdentityBinding.*spec\.template/,
    ],
    [401, html, 1, 'ERR_REJECTED', 'unauthorized_client', /\(401\)\.$/, /pod itself/],
    [
      403,
      status(403, 'Forbidden', forbidden),
      1,
      'ERR_REJECTED',
      'access_denied',
      /does not let system:serviceaccount:shop:checkout use the identity 1{8}-.* \(403\): 1{8}-.* is forbidden/,
      /kubectl apply -f -$/,
    ],
    [
      403,
      html,
      1,
      'ERR_REJECTED',
      'access_denied',
      /\(403\)\.$/,
      /use-managed-identity.*cid\.wi\.aks\.azure\.com/,
    ],
    [403, '', 1, 'ERR_REJECTED', 'access_denied', /\(403\)\.$/, /kubectl apply/],
    [
      404,
      status(404, 'NotFound', 'the server could not find the requested resource'),
      1,
      'ERR_REJECTED',
      'invalid_request',
      /knows no identity binding for 1{8}.*could not find/,
      /az aks identity-binding list.*VNet/,
    ],
    [
      404,
      '404 page not found\n',
      1,
      'ERR_REJECTED',
      'invalid_request',
      /\(404\)\.$/,
      /AZURE_KUBERNETES_SNI_NAME/,
    ],
    [
      200,
      status(403, 'Forbidden', 'x'),
      4,
      'ERR_UNAVAILABLE',
      undefined,
      /status 200 and no token/,
      /AZURE_KUBERNETES_TOKEN_PROXY \(https:/,
    ],
    [200, '', 4, 'ERR_UNAVAILABLE', undefined, /status 200 and no token/, /log shows/],
    [200, '{}', 4, 'ERR_UNAVAILABLE', undefined, /status 200 and no token/, /log shows/],
    [
      500,
      status(500, 'InternalError', 'boom'),
      4,
      'ERR_UNAVAILABLE',
      undefined,
      /status 500 and no token/,
      /log shows/,
    ],
    [503, html, 4, 'ERR_UNAVAILABLE', undefined, /status 503 and no token/, /log shows/],
    [302, html, 1, 'ERR_UNAVAILABLE', undefined, /status 302 and no token/, /log shows/],
    [
      429,
      status(429, 'TooManyRequests', 'slow down'),
      3,
      'ERR_THROTTLED',
      undefined,
      /status 429/,
      undefined,
    ],
  ] as const)(
    '%i %j',
    async (code, body, posts, errorCode, oauthError, description, hint) => {
      let asked = 0;
      await using peer = await startHttpsPeer(cluster, certificate, async (req, res) => {
        asked += 1;
        await readBody(req);
        const text = typeof body === 'string' ? body : JSON.stringify(body);
        res.writeHead(code, { 'content-type': 'text/plain' }).end(text);
      });
      await using entra = open(peer.port, {}, {}, { clock: impatientClock });
      const error = await failure(entra);
      expect(error).toMatchObject({
        code: errorCode,
        details: {
          ...(oauthError === undefined ? {} : { oauthError }),
          description: expect.stringMatching(description),
          hint: hint && expect.stringMatching(hint),
        },
      });
      expect(asked).toBe(posts);
    },
    20_000,
  );

  it('403: prints what kubectl applies as it is', async () => {
    await using peer = await startHttpsPeer(cluster, certificate, async (req, res) => {
      await readBody(req);
      sendJson(res, 403, status(403, 'Forbidden', forbidden));
    });
    await using entra = open(peer.port);
    const error = (await failure(entra)) as { readonly details: { readonly hint: string } };
    const yaml = /echo '(.*)' \| kubectl apply -f -$/.exec(error.details.hint)?.[1] ?? '';
    const role = `identity-binding-${clientId}`;
    expect(parseYaml(yaml)).toEqual({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRole',
          metadata: { name: role },
          rules: [
            {
              apiGroups: ['cid.wi.aks.azure.com'],
              resources: [clientId],
              verbs: ['use-managed-identity'],
            },
          ],
        },
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          metadata: { name: `${role}-shop-checkout` },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
          subjects: [{ kind: 'ServiceAccount', namespace: 'shop', name: 'checkout' }],
        },
      ],
    });
    // The operator finds it in the log as well.
    expect(logger.lines.at(-1)?.fields).toMatchObject({
      hint: error.details.hint,
      remedy: `echo '${yaml}' | kubectl apply -f -`,
    });
  });

  it('403 of the API server itself: asks for the server name', async () => {
    await using peer = await startHttpsPeer(cluster, certificate, async (req, res) => {
      await readBody(req);
      const message = 'forbidden: User "system:anonymous" cannot post path "/t"';
      sendJson(res, 403, status(403, 'Forbidden', message));
    });
    await using entra = open(peer.port);
    expect(await failure(entra)).toMatchObject({
      code: 'ERR_REJECTED',
      details: {
        oauthError: 'invalid_request',
        hint: expect.stringContaining('check AZURE_KUBERNETES_SNI_NAME'),
      },
    });
  });

  it('403 for a subject that is not a ServiceAccount: no command', async () => {
    const claims = { ...bindingClaims, sub: "system:serviceaccount:a'; rm -rf ~:b" };
    await writeFile(federatedTokenFile, makeAssertion(claims));
    await using peer = await startHttpsPeer(cluster, certificate, async (req, res) => {
      await readBody(req);
      res.writeHead(403).end();
    });
    await using entra = open(peer.port);
    expect(await failure(entra)).toHaveProperty(
      'details.hint',
      expect.stringMatching(/a ClusterRoleBinding to the ServiceAccount\.$/),
    );
  });

  it('Entra’s own refusal is handed on, and not blamed on the pod’s assertion', async () => {
    await using peer = await startHttpsPeer(cluster, certificate, async (req, res) => {
      await readBody(req);
      sendJson(res, 401, {
        error: 'invalid_client',
        error_description: 'AADSTS700211: No matching record.',
        error_codes: [700211],
      });
    });
    await using entra = open(peer.port, {}, {}, { clock: impatientClock });
    const error = await failure(entra);
    expect(error).toMatchObject({
      code: 'ERR_REJECTED',
      message: expect.stringMatching(/^The token proxy refused with status 401: invalid_client/),
      details: { aadsts: 700211, hint: expect.stringContaining('aks-identity-binding') },
    });
    expect(error).not.toHaveProperty('details.hint', expect.stringContaining(clusterClaims.iss));
  }, 20_000);
});

describe('T9: nothing but the token POST', () => {
  it('reaches the network, whatever other libraries are told', async () => {
    vi.stubEnv('MSAL_FORCE_REGION', 'westus');
    vi.stubEnv('AZURE_REGIONAL_AUTHORITY_NAME', 'AutoDiscoverRegion');
    const connect = vi.spyOn(Socket.prototype, 'connect');
    onTestFinished(() => {
      vi.unstubAllEnvs();
      connect.mockRestore();
    });
    const asked: Asked[] = [];
    await using peer = await startHttpsPeer(cluster, certificate, answerToken(asked));
    await using entra = open(peer.port);
    await ask(entra);
    expect(asked).toHaveLength(1);
    // Node passes on its own, normalised arguments.
    const targets = connect.mock.calls.map(([first]) => [first].flat()[0]);
    expect(targets).toMatchObject([{ host: '127.0.0.1', port: peer.port }]);
  });
});

describe('mixed mode', () => {
  const otherIdentity = { ...request.identity, clientId: '99999999-1111-1111-1111-111111111111' };

  it('one identity through the token proxy, another with Entra itself and its own token', async () => {
    const tokenFile = join(folder, 'direct.token');
    await writeFile(tokenFile, makeAssertion());
    const bound: Asked[] = [];
    const direct: Asked[] = [];
    await using tokenProxy = await startHttpsPeer(cluster, certificate, answerToken(bound));
    await using entraPeer = await startHttpsPeer(other, other.good, answerToken(direct));
    await using entra = open(
      tokenProxy.port,
      {},
      {
        authorityHost: `https://localhost:${entraPeer.port}`,
        exceptions: [{ clientId: otherIdentity.clientId, mode: 'federation', tokenFile }],
      },
    );
    await ask(entra);
    await entra.exchange({ ...request, identity: otherIdentity }, neverAborted);
    expect(bound.map(({ clientId }) => clientId)).toEqual([request.identity.clientId]);
    expect(direct.map(({ clientId }) => clientId)).toEqual([otherIdentity.clientId]);
  });

  it('names the setting of the file that is at fault', async () => {
    await using entra = open(
      1,
      {},
      {
        exceptions: [
          { clientId: otherIdentity.clientId, mode: 'federation', tokenFile: '/nowhere' },
        ],
      },
    );
    await expect(
      entra.exchange({ ...request, identity: otherIdentity }, neverAborted),
    ).rejects.toMatchObject({
      code: 'ERR_ASSERTION',
      details: {
        description: `The file of tokenFile of ${otherIdentity.clientId} in IMDS_PROXY_IDENTITIES (/nowhere) does not exist.`,
      },
    });
  });
});

describe('an assertion for the other audience', () => {
  it('is not sent: for Entra itself to the token proxy', async () => {
    await writeFile(federatedTokenFile, makeAssertion());
    await using entra = open(1);
    expect(await failure(entra)).toMatchObject({
      code: 'ERR_ASSERTION',
      details: {
        description: expect.stringContaining('api://AzureADTokenExchange, which the token proxy r'),
        hint: expect.stringContaining('azure.workload.identity/use-identity-binding'),
      },
    });
  });

  it('is not sent: for the token proxy to Entra itself', async () => {
    await using entra = open(1, {}, { mode: 'federation' });
    expect(await failure(entra)).toMatchObject({
      code: 'ERR_ASSERTION',
      details: { description: expect.stringContaining('AADSTS700211 or AADSTS700212') },
    });
  });
});
