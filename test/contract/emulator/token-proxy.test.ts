import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { parseFault } from '../../../src/emulator/faults/fault.ts';
import { startEmulator } from '../../support/emulator.ts';

const subject = 'system:serviceaccount:shop:orders';
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator({
    identityBinding: true,
    namespace: 'shop',
    serviceAccount: 'orders',
    identities: [
      { name: 'orders' },
      { name: 'forbidden', binding: 'forbidden' },
      { name: 'unbound', binding: 'none' },
      { name: 'application', kind: 'app-registration' },
    ],
  });
});
afterAll(() => emulator.stop());
beforeEach(() => {
  emulator.faults.clear();
  emulator.journal.clear();
});

const clientIdOf = (name: string): string =>
  emulator.identities.list().find((identity) => identity.name === name)?.clientId ?? '';

interface Ask {
  readonly of?: Emulator;
  readonly name?: string;
  readonly assertion?: string;
  readonly serverName?: string;
  readonly path?: string;
  readonly method?: string;
}

/** As an SDK asks a token proxy, with its CA alone and whatever path. */
async function ask({
  of = emulator,
  name = 'orders',
  assertion,
  serverName = of.tokenProxy?.serverName,
  path = '/any/path?q=1',
  method = 'POST',
}: Ask = {}) {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientIdOf(name),
    scope: 'https://vault.azure.net/.default',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion ?? (await readFile(of.tokenFile, 'utf8')),
  });
  const ca = await readFile(of.tokenProxy?.caFile ?? '', 'utf8');
  const url = new URL(path, of.tokenProxy?.url);
  return new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
    const options = {
      method,
      ca,
      agent: false,
      ...(serverName === '' ? {} : { servername: serverName }),
    };
    const asking = request(url, options, async (answer) => {
      let text = '';
      for await (const chunk of answer) text += String(chunk);
      resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) });
    });
    asking.on('error', reject);
    asking.end(method === 'POST' ? form.toString() : undefined);
  });
}

describe('the token proxy', () => {
  it('exchanges at Entra through an issuer of its own', async () => {
    const { status, body } = await ask();
    expect(status).toBe(200);
    expect(decodeJwt(String(body['access_token']))).toMatchObject({ appid: clientIdOf('orders') });
    expect(emulator.journal.entries()).toMatchObject([
      {
        server: 'token-proxy',
        path: '/any/path',
        serverName: emulator.tokenProxy?.serverName,
        assertion: { sub: subject, aud: ['api://AKSIdentityBinding'] },
        outcome: { status: 200 },
      },
      {
        server: 'tenant',
        assertion: {
          iss: `https://ib.oic.emulator.test/${emulator.tenantId}/${clientIdOf('orders')}`,
          aud: ['api://AzureADTokenExchange'],
        },
      },
    ]);
  });

  it.each([
    ['for Entra itself', { audiences: ['api://AzureADTokenExchange'] }],
    ['that has expired', { ageSeconds: 3_601 }],
    ['of another issuer', { issuer: 'https://elsewhere.test/' }],
  ])('refuses a token %s as the API server does', async (_name, overrides) => {
    const assertion = await emulator.mintAssertion(overrides);
    expect(await ask({ assertion })).toEqual({
      status: 401,
      body: {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'Unauthorized',
        reason: 'Unauthorized',
        code: 401,
      },
    });
    const forged = `${(await emulator.mintAssertion()).slice(0, -8)}AAAAAAAA`;
    expect(await ask({ assertion: forged })).toMatchObject({ status: 401 });
    expect(emulator.journal.entries().filter(({ server }) => server === 'tenant')).toEqual([]);
  });

  it('knows who may use which identity', async () => {
    const clientId = clientIdOf('forbidden');
    expect(await ask({ name: 'forbidden' })).toMatchObject({
      status: 403,
      body: {
        kind: 'Status',
        reason: 'Forbidden',
        message: `${clientId}.cid.wi.aks.azure.com is forbidden: User "${subject}" cannot use-managed-identity resource "${clientId}" in API group "cid.wi.aks.azure.com" at the cluster scope`,
      },
    });
    for (const name of ['unbound', 'application', 'nobody']) {
      expect(await ask({ name })).toMatchObject({ status: 404, body: { reason: 'NotFound' } });
    }
    const identity = emulator.identities.list().find((one) => one.clientId === clientId);
    if (identity !== undefined) emulator.tokenProxy?.bind(identity, [subject]);
    expect(await ask({ name: 'forbidden' })).toMatchObject({ status: 200 });
  });

  it.each(['kubernetes.default.svc', ''])(
    'is the API server for the server name "%s"',
    async (serverName) => {
      expect(await ask({ serverName })).toMatchObject({
        status: 403,
        body: { message: 'forbidden: User "system:anonymous" cannot post path "/any/path"' },
      });
    },
  );

  it('takes POST alone', async () => {
    expect(await ask({ method: 'GET' })).toMatchObject({ status: 405 });
  });

  it('has a certificate for its own name and not for the address', async () => {
    const answer = ask({ serverName: 'elsewhere.ests.aks' });
    await expect(answer).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it('hands on what Entra answers', async () => {
    emulator.faults.add(parseFault({ kind: 'throttle', retryAfterSeconds: 2, requests: 1 }));
    expect(await ask()).toMatchObject({ status: 429, body: { error_codes: [90055] } });
    emulator.faults.add(parseFault({ kind: 'reset', requests: 1 }));
    expect(await ask()).toMatchObject({ status: 502, body: { kind: 'Status' } });
  });

  it('gets a new CA, which the file has before the server', async () => {
    const before = await readFile(emulator.tokenProxy?.caFile ?? '', 'utf8');
    await emulator.tokenProxy?.rotateCa({ retireOld: false });
    const both = await readFile(emulator.tokenProxy?.caFile ?? '', 'utf8');
    expect(both.startsWith(before)).toBe(true);
    expect(both.length).toBeGreaterThan(before.length);
    expect(await ask()).toMatchObject({ status: 200 });
    expect(await ask({ serverName: '' })).toMatchObject({ status: 403 });
    await emulator.tokenProxy?.rotateCa({ retireOld: true });
    const after = await readFile(emulator.tokenProxy?.caFile ?? '', 'utf8');
    expect(after.match(/BEGIN CERTIFICATE/g)).toHaveLength(1);
    expect(await ask()).toMatchObject({ status: 200 });
  });

  it('is described, with a second token for Entra itself', async () => {
    const { env, federationTokenFile = '' } = emulator.describe();
    expect(env).toMatchObject({
      AZURE_KUBERNETES_TOKEN_PROXY: emulator.tokenProxy?.url,
      AZURE_KUBERNETES_SNI_NAME: expect.stringMatching(/^a[\da-f]{52}\.ests\.aks$/),
      AZURE_KUBERNETES_CA_FILE: emulator.tokenProxy?.caFile,
      AZURE_FEDERATED_TOKEN_FILE: emulator.tokenFile,
    });
    expect(decodeJwt(await readFile(federationTokenFile, 'utf8'))).toMatchObject({
      aud: ['api://AzureADTokenExchange'],
      sub: subject,
    });
  });

  it('is changed over the admin API', async () => {
    const call = (method: string, path: string, body?: object) =>
      fetch(`${emulator.adminUrl}${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(10_000),
      });
    const clientId = clientIdOf('unbound');
    const put = await call('PUT', '/bindings', { clientId, subjects: [subject] });
    expect(put.status).toBe(204);
    expect(await ask({ name: 'unbound' })).toMatchObject({ status: 200 });
    const list = await call('GET', '/bindings');
    expect(await list.json()).toContainEqual({ clientId, subjects: [subject] });
    expect((await call('DELETE', '/bindings', { clientId })).status).toBe(204);
    expect(await ask({ name: 'unbound' })).toMatchObject({ status: 404 });
    const application = { clientId: clientIdOf('application'), subjects: [] };
    expect((await call('PUT', '/bindings', application)).status).toBe(400);
    const before = emulator.tokenProxy?.caPem;
    const rotated = await call('POST', '/rotate', { target: 'token-proxy-ca', retireOld: true });
    expect(rotated.status).toBe(204);
    expect(emulator.tokenProxy?.caPem).not.toBe(before);
  });
});

it('asks whom it is told to ask whose a token is, and then nobody else', async () => {
  const other = await startEmulator({
    identityBinding: true,
    namespace: 'shop',
    serviceAccount: 'orders',
    identities: [{ name: 'orders' }],
    reviewToken: async (token) => (token === 'known elsewhere' ? subject : undefined),
  });
  try {
    expect(await ask({ of: other, assertion: 'known elsewhere' })).toMatchObject({ status: 200 });
    expect(await ask({ of: other })).toMatchObject({ status: 401 });
  } finally {
    await other.stop();
  }
});

it('an emulator without has none, and says how to get it', async () => {
  const plain = await startEmulator();
  try {
    expect(plain.tokenProxy).toBeUndefined();
    expect(Object.keys(plain.describe().env).join()).not.toContain('KUBERNETES');
    const answer = await fetch(`${plain.adminUrl}/bindings`, {
      signal: AbortSignal.timeout(10_000),
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('--identity-binding');
  } finally {
    await plain.stop();
  }
});
