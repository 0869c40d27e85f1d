import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { WorkloadIdentityCredential } from '@azure/identity';
import { ConfidentialClientApplication } from '@azure/msal-node';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import type { AssertionOverrides } from '../../../src/emulator/kubernetes-issuer/projected-token.ts';
import { startEmulator } from '../../support/emulator.ts';

let emulator: Emulator;
const defaultCas = getCACertificates('default');
beforeAll(async () => {
  emulator = await startEmulator();
  setDefaultCACertificates([...defaultCas, emulator.caPem]);
});
afterAll(async () => {
  setDefaultCACertificates(defaultCas);
  await emulator.stop();
});
beforeEach(async () => {
  emulator.faults.clear();
  await emulator.projectToken({});
  emulator.journal.clear();
});

const scope = 'https://vault.azure.net/.default';
const defaultClientId = (): string => emulator.identities.list()[0]?.clientId ?? '';

/** What MSAL makes of one token request; each with a client of its own, so that nothing is cached. */
function acquireByMsal({
  clientId = defaultClientId(),
  tenantId = emulator.tenantId,
  scopes = [scope],
  assertion = {},
}: {
  readonly clientId?: string;
  readonly tenantId?: string;
  readonly scopes?: string[];
  readonly assertion?: AssertionOverrides;
} = {}) {
  const client = new ConfidentialClientApplication({
    auth: {
      clientId,
      authority: `${emulator.authorityHost}/${tenantId}`,
      knownAuthorities: [new URL(emulator.authorityHost).host],
      clientAssertion: () => emulator.mintAssertion(assertion),
    },
  });
  return client.acquireTokenByClientCredential({ scopes });
}

function createCredential(clientId = defaultClientId()): WorkloadIdentityCredential {
  return new WorkloadIdentityCredential({
    clientId,
    tenantId: emulator.tenantId,
    tokenFilePath: emulator.tokenFile,
    authorityHost: emulator.authorityHost,
    disableInstanceDiscovery: true,
    retryOptions: { maxRetries: 0 },
  });
}

describe('@azure/msal-node', () => {
  it('gets a token with its lifetime', async () => {
    const result = await acquireByMsal();
    expect(decodeJwt(result?.accessToken ?? '')).toMatchObject({
      aud: 'https://vault.azure.net',
      appid: defaultClientId(),
      tid: emulator.tenantId,
    });
    const remainingMs = (result?.expiresOn?.getTime() ?? 0) - Date.now();
    expect(Math.abs(remainingMs - 86_399_000)).toBeLessThan(10_000);
    const refreshMs = (result?.refreshOn?.getTime() ?? 0) - Date.now();
    expect(Math.abs(refreshMs - 43_199_000)).toBeLessThan(10_000);
  });

  it('reads the discovery document and then asks for the token', async () => {
    await acquireByMsal();
    expect(emulator.journal.entries()).toMatchObject([
      { method: 'GET', path: `/${emulator.tenantId}/v2.0/.well-known/openid-configuration` },
      { method: 'POST', path: `/${emulator.tenantId}/oauth2/v2.0/token`, outcome: { status: 200 } },
    ]);
  });

  it.each([
    ['another subject', { assertion: { subject: 'x' } }, 700213, 'invalid_client', 401],
    ['another audience', { assertion: { audiences: ['x'] } }, 700212, 'invalid_client', 401],
    ['another issuer', { assertion: { issuer: 'https://x/' } }, 700211, 'invalid_client', 401],
    ['an expired assertion', { assertion: { ageSeconds: 7200 } }, 700024, 'invalid_client', 401],
    [
      'a long-lived assertion',
      { assertion: { lifetimeSeconds: 172_800 } },
      70023,
      'invalid_request',
      400,
    ],
    [
      'an unknown client',
      { clientId: '55555555-5555-4555-8555-555555555555' },
      700016,
      'unauthorized_client',
      400,
    ],
    ['a scope without .default', { scopes: ['https://x.test/y'] }, 1002012, 'invalid_scope', 400],
    ['a resource that is no URI', { scopes: ['x/.default'] }, 500011, 'invalid_resource', 400],
  ])('is told of %s', async (_, options, code, error, status) => {
    await expect(acquireByMsal(options)).rejects.toMatchObject({
      name: 'ServerError',
      errorCode: error,
      errorNo: code,
      status,
      errorMessage: expect.stringContaining(`AADSTS${code}: `),
    });
  });

  it('finds no endpoints for an unknown tenant', async () => {
    const tenantId = '55555555-5555-4555-8555-555555555555';
    await expect(acquireByMsal({ tenantId })).rejects.toMatchObject({
      name: 'ClientAuthError',
      errorCode: 'endpoints_resolution_error',
    });
  });

  it.each([
    [
      { kind: 'refuse', code: 53003 },
      { errorCode: 'access_denied', errorNo: 53003 },
    ],
    [
      { kind: 'throttle', retryAfterSeconds: 1 },
      { errorNo: 90055, status: 429 },
    ],
    [
      { kind: 'server-error', status: 503 },
      { errorNo: 90033, status: 503 },
    ],
    [{ kind: 'not-propagated' }, { errorNo: 70021 }],
    [{ kind: 'reset' }, { errorCode: 'network_error' }],
  ] as const)('meets the fault %j', async (effect, error) => {
    emulator.faults.add({ effect });
    await expect(acquireByMsal()).rejects.toMatchObject(error);
  });
});

describe('WorkloadIdentityCredential of @azure/identity', () => {
  it('gets a token with the token file', async () => {
    const { token, expiresOnTimestamp } = await createCredential().getToken(scope);
    expect(decodeJwt(token)).toMatchObject({
      aud: 'https://vault.azure.net',
      appid: defaultClientId(),
    });
    expect(Math.abs(expiresOnTimestamp - Date.now() - 86_399_000)).toBeLessThan(10_000);
  });

  it('gets tokens of two identities', async () => {
    const { clientId } = emulator.addIdentity({ name: 'second' });
    const tokens = await Promise.all([
      createCredential().getToken(scope),
      createCredential(clientId).getToken(scope),
    ]);
    expect(tokens.map(({ token }) => decodeJwt(token)['appid'])).toEqual([
      defaultClientId(),
      clientId,
    ]);
  });

  it.each([
    [{ subject: 'system:serviceaccount:default:other' }, 700213],
    [{ audiences: ['api://AKSIdentityBinding'] }, 700212],
    [{ ageSeconds: 7200 }, 700024],
  ])('is told what is wrong with a file that says %j', async (overrides, code) => {
    await emulator.projectToken(overrides);
    await expect(createCredential().getToken(scope)).rejects.toThrow(`AADSTS${code}`);
  });

  it('is told that a client has no credentials', async () => {
    const { clientId } = emulator.addIdentity({ name: 'bare', credentials: [] });
    await expect(createCredential(clientId).getToken(scope)).rejects.toThrow('AADSTS70025');
  });

  it('meets a page where it expects JSON', async () => {
    emulator.faults.add({ effect: { kind: 'html', status: 502 } });
    await expect(createCredential().getToken(scope)).rejects.toThrow();
    expect(emulator.journal.entries().at(-1)?.outcome).toMatchObject({
      status: 502,
      fault: 'html',
    });
  });
});
