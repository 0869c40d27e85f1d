import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AssertionRequest } from '../../../src/emulator/kubernetes-issuer/service-account-claims.ts';
import {
  audience,
  createEndpointFixture,
  type EndpointFixture,
  issuerUrl,
  type Keys,
  makeKeys,
  otherTenantId,
  subject,
  tenantId,
} from '../../support/emulator-endpoint.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

/** What a case does to a request that is otherwise in order. */
interface Case {
  readonly name: string;
  readonly code: number;
  readonly status: number;
  readonly error: string;
  /** A part of the text besides the code. */
  readonly text?: string;
  readonly form?: Readonly<Record<string, string | undefined>>;
  readonly tenant?: string;
  readonly assertion?: Partial<AssertionRequest>;
  readonly prepare?: (fixture: EndpointFixture) => Promise<Record<string, string> | undefined>;
}

const parameterCases: readonly Case[] = [
  ...['grant_type', 'client_id', 'scope', 'client_assertion_type'].flatMap((name) =>
    [undefined, ''].map((value) => ({
      name: `${name} ${value === undefined ? 'missing' : 'empty'}`,
      code: 900144,
      status: 400,
      error: 'invalid_request',
      text: `'${name}'`,
      form: { [name]: value },
    })),
  ),
  {
    name: 'another grant',
    code: 70003,
    status: 400,
    error: 'unsupported_grant_type',
    text: "'password'",
    form: { grant_type: 'password' },
  },
  {
    name: 'another assertion type',
    code: 90011,
    status: 400,
    error: 'invalid_request',
    form: { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
  },
  {
    name: 'no assertion and no secret',
    code: 7000218,
    status: 401,
    error: 'invalid_client',
    form: { client_assertion: undefined },
  },
  {
    name: 'an empty assertion',
    code: 7000218,
    status: 401,
    error: 'invalid_client',
    form: { client_assertion: '' },
  },
  {
    name: 'a secret alone',
    code: 7000215,
    status: 401,
    error: 'invalid_client',
    form: { client_assertion: undefined, client_secret: 's3cret' },
  },
];

const tenantCases: readonly Case[] = [
  ...['common', 'organizations', 'Consumers'].map((tenant) => ({
    name: `the shared tenant ${tenant}`,
    code: 50059,
    status: 400,
    error: 'invalid_request',
    tenant,
  })),
  ...['nonsense', 'a b', '-x.com', 'x..com', ''].map((tenant) => ({
    name: `the malformed tenant "${tenant}"`,
    code: 900023,
    status: 400,
    error: 'invalid_request',
    text: `'${tenant}'`,
    tenant,
  })),
  ...[otherTenantId, 'fabrikam.onmicrosoft.com'].map((tenant) => ({
    name: `the unknown tenant ${tenant}`,
    code: 90002,
    status: 400,
    error: 'invalid_request',
    text: `Tenant '${tenant}' not found`,
    tenant,
  })),
];

const scopeCases: readonly Case[] = [
  ...['https://vault.azure.net', 'https://vault.azure.net/user_impersonation', '.default'].map(
    (scope) => ({
      name: `the scope ${scope}`,
      code: 1002012,
      status: 400,
      error: 'invalid_scope',
      text: scope,
      form: { scope },
    }),
  ),
  {
    name: 'two resources',
    code: 700022,
    status: 400,
    error: 'invalid_scope',
    form: { scope: 'https://vault.azure.net/.default https://storage.azure.com/.default' },
  },
  {
    name: 'a scope of blanks',
    code: 70011,
    status: 400,
    error: 'invalid_scope',
    form: { scope: '  ' },
  },
  {
    name: 'a scope without a resource',
    code: 70011,
    status: 400,
    error: 'invalid_scope',
    form: { scope: '/.default' },
  },
  {
    name: 'a resource with a control character',
    code: 70011,
    status: 400,
    error: 'invalid_scope',
    form: { scope: 'https://a\u0001b/.default' },
  },
  {
    name: 'scopes of OpenID Connect alone',
    code: 28002,
    status: 400,
    error: 'invalid_scope',
    form: { scope: 'openid profile' },
  },
  {
    name: 'a resource that is not a URI',
    code: 500011,
    status: 400,
    error: 'invalid_resource',
    text: 'The resource principal named vault was not found',
    form: { scope: 'vault/.default' },
  },
];

const clientCases: readonly Case[] = [
  {
    name: 'an unknown client',
    code: 700016,
    status: 400,
    error: 'unauthorized_client',
    text: `'55555555-5555-4555-8555-555555555555' was not found in the directory '${tenantId}'`,
    form: { client_id: '55555555-5555-4555-8555-555555555555' },
  },
  {
    name: 'a client of another tenant',
    code: 700016,
    status: 400,
    error: 'unauthorized_client',
    prepare: async ({ addIdentity }) => ({
      client_id: addIdentity({ name: 'far', tenantId: otherTenantId }).clientId,
    }),
  },
  {
    name: 'a disabled client',
    code: 7000112,
    status: 400,
    error: 'unauthorized_client',
    prepare: async ({ addIdentity }) => ({
      client_id: addIdentity({ name: 'off', disabled: true }).clientId,
    }),
  },
  {
    name: 'a client without federated credentials',
    code: 70025,
    status: 401,
    error: 'invalid_client',
    prepare: async ({ addIdentity }) => ({
      client_id: addIdentity({ name: 'bare', credentials: [] }).clientId,
    }),
  },
];

const assertionCases: readonly Case[] = [
  ...['nonsense', 'a.b.c', 'e30.e30', 'e30.bm8.x', 'e30.W10.x', '..'].map((assertion) => ({
    name: `the malformed assertion ${assertion}`,
    code: 50027,
    status: 400,
    error: 'invalid_request',
    form: { client_assertion: assertion },
  })),
  ...['none', 'HS256', 'ES256', 'PS256'].map((alg) => ({
    name: `the algorithm ${alg}`,
    code: 5002738,
    status: 401,
    error: 'invalid_client',
    text: `'${alg}' is not a supported`,
    prepare: async ({ mint }: EndpointFixture) => ({
      client_assertion: withHeader(await mint(), (header) => ({ ...header, alg })),
    }),
  })),
  {
    name: 'a header without kid',
    code: 5002723,
    status: 401,
    error: 'invalid_client',
    prepare: async ({ mint }) => ({
      client_assertion: withHeader(await mint(), ({ kid: _, ...header }) => header),
    }),
  },
  ...['iss', 'sub', 'aud', 'exp'].map((claim) => ({
    name: `no ${claim}`,
    code: 90014,
    status: 400,
    error: 'invalid_request',
    text: `'${claim}'`,
    assertion: { claims: { [claim]: undefined } },
  })),
  ...[{ iss: 7 }, { sub: '' }, { aud: [1] }, { exp: 1e18 }, { nbf: -1 }].map((claims) => ({
    name: `a claim of the wrong kind: ${JSON.stringify(claims)}`,
    code: 50027,
    status: 400,
    error: 'invalid_request',
    assertion: { claims },
  })),
  {
    name: 'an assertion that somebody signed for himself',
    code: 700021,
    status: 401,
    error: 'invalid_client',
    assertion: { issuer: 'me', subject: 'me' },
  },
  {
    name: 'an issuer without TLS',
    code: 700021,
    status: 401,
    error: 'invalid_client',
    assertion: { issuer: 'http://oidc.test/' },
  },
  {
    name: 'a self-signed assertion of the client, which has no certificate',
    code: 700027,
    status: 401,
    error: 'invalid_client',
    text: 'The key was not found',
    prepare: async ({ mint, identity }) => ({
      client_assertion: await mint({ issuer: identity.clientId, subject: identity.clientId }),
    }),
  },
  ...['https://sts.windows.net/x/', 'https://login.microsoftonline.com/x/v2.0'].map((issuer) => ({
    name: `a token of Entra itself: ${issuer}`,
    code: 700222,
    status: 401,
    error: 'invalid_client',
    assertion: { issuer },
  })),
];

const federationCases: readonly Case[] = [
  {
    name: 'another issuer',
    code: 700211,
    status: 401,
    error: 'invalid_client',
    text: "assertion issuer 'https://other.test/'",
    assertion: { issuer: 'https://other.test/' },
  },
  {
    name: 'the issuer without its slash',
    code: 700211,
    status: 401,
    error: 'invalid_client',
    assertion: { issuer: issuerUrl.slice(0, -1) },
  },
  {
    name: 'another subject',
    code: 700213,
    status: 401,
    error: 'invalid_client',
    text: "assertion subject 'system:serviceaccount:shop:other'",
    assertion: { subject: 'system:serviceaccount:shop:other' },
  },
  {
    name: 'the subject in another case',
    code: 7002138,
    status: 401,
    error: 'invalid_client',
    text: 'case-insensitive',
    assertion: { subject: subject.toUpperCase() },
  },
  {
    name: 'another audience',
    code: 700212,
    status: 401,
    error: 'invalid_client',
    text: "assertion audience 'api://AKSIdentityBinding, sts.amazonaws.com'",
    assertion: { audiences: ['api://AKSIdentityBinding', 'sts.amazonaws.com'] },
  },
  {
    name: 'subject and audience of different credentials',
    code: 70021,
    status: 400,
    error: 'invalid_request',
    text: `Assertion Issuer: '${issuerUrl}'. Assertion Subject: '${subject}'. Assertion Audience: 'urn:b'`,
    assertion: { audiences: ['urn:b'] },
    prepare: async ({ addIdentity }) => ({
      client_id: addIdentity({
        name: 'two',
        credentials: [{ audience: 'urn:a' }, { subject: 'other', audience: 'urn:b' }],
      }).clientId,
    }),
  },
  {
    name: 'an expired assertion',
    code: 700024,
    status: 401,
    error: 'invalid_client',
    text: 'Current time: 2026-01-01T00:00:00.000Z, assertion valid from 2025-12-31T22:55:00.000Z, expiry time of assertion 2025-12-31T23:55:00.000Z',
    assertion: { ageSeconds: 3900 },
  },
  {
    name: 'an assertion of the future',
    code: 700024,
    status: 401,
    error: 'invalid_client',
    assertion: { ageSeconds: -301 },
  },
  {
    name: 'a life of more than 25 hours',
    code: 70023,
    status: 400,
    error: 'invalid_request',
    text: 'less than or equal to 1.01:00:00',
    assertion: { lifetimeSeconds: 25 * 3600 + 1 },
  },
  {
    name: 'a changed claim',
    code: 700027,
    status: 401,
    error: 'invalid_client',
    text: 'did not match',
    prepare: async ({ mint }) => {
      const [header, , signature] = (await mint()).split('.');
      const claims = { ...decodeJwt(await mint()), sub: `${subject}2` };
      return { client_assertion: `${header}.${encode(claims)}.${signature}` };
    },
  },
  {
    name: "a signature of another key under the issuer's name for it",
    code: 700027,
    status: 401,
    error: 'invalid_client',
    prepare: async ({ mint }) => {
      const claims = decodeJwt(await mint());
      const { kid } = decodeProtectedHeader(await mint());
      const forged = await keys.tenant.sign(claims);
      return { client_assertion: withHeader(forged, (header) => ({ ...header, kid })) };
    },
  },
  {
    name: 'a key that the issuer does not publish',
    code: 7000272,
    status: 401,
    error: 'invalid_client',
    text: `metadata of identity provider ${issuerUrl}`,
    prepare: async ({ mint }) => ({
      client_assertion: await keys.tenant.sign(decodeJwt(await mint())),
    }),
  },
];

const issuerCases: readonly Case[] = [
  ['that cannot be reached', () => Promise.reject(new Error('ECONNREFUSED'))],
  ['whose discovery names another issuer', async () => ({ issuer: 'https://x/', jwks_uri: 'y' })],
  ['whose discovery names no keys', async () => ({ issuer: issuerUrl })],
  ['whose discovery is not an object', async () => null],
  [
    'whose key set is not a key set',
    async (url: string) =>
      url.endsWith('configuration') ? { issuer: issuerUrl, jwks_uri: 'https://k/' } : { keys: 7 },
  ],
].map(([name, fetchJson]) => ({
  name: `an issuer ${name}`,
  code: 90061,
  status: 400,
  error: 'invalid_request',
  prepare: async ({ setFetch }: EndpointFixture) => {
    setFetch(fetchJson as (url: string) => Promise<unknown>);
    return undefined;
  },
}));

describe.each([
  ['parameters', parameterCases],
  ['the tenant', tenantCases],
  ['the scope', scopeCases],
  ['the client', clientCases],
  ['the assertion', assertionCases],
  ['the federation', federationCases],
  ['the issuer', issuerCases],
])('refusals over %s', (_, cases) => {
  it.each(cases)('$name: AADSTS$code', async (one) => {
    const fixture = createEndpointFixture(keys);
    const form = {
      ...(one.assertion === undefined
        ? {}
        : { client_assertion: await fixture.mint(one.assertion) }),
      ...one.form,
      ...(await one.prepare?.(fixture)),
    };
    const answer = await fixture.ask(form, one.tenant === undefined ? {} : { tenant: one.tenant });
    expect(answer.body['error_description']).toMatch(new RegExp(`^AADSTS${one.code}: `));
    expect(answer.body['error_description']).toContain(one.text ?? '');
    expect(answer).toMatchObject({
      status: one.status,
      body: { error: one.error, error_codes: [one.code] },
    });
  });
});

describe('the shape of a refusal', () => {
  it('has every field of Entra, and the trace in the text', async () => {
    const { ask } = createEndpointFixture(keys);
    const { body } = await ask({ grant_type: 'password' });
    const trace =
      'Trace ID: 44444444-4444-4444-8444-444444444444 Correlation ID: 33333333-3333-4333-8333-333333333333 Timestamp: 2026-01-01 00:00:00Z';
    expect(body).toEqual({
      error: 'unsupported_grant_type',
      error_description: `AADSTS70003: The app requested an unsupported grant type 'password'. ${trace}`,
      error_codes: [70003],
      timestamp: '2026-01-01 00:00:00Z',
      trace_id: '44444444-4444-4444-8444-444444444444',
      correlation_id: '33333333-3333-4333-8333-333333333333',
      error_uri: 'https://login.microsoftonline.com/error?code=70003',
    });
  });

  it('never shows the assertion', async () => {
    const { ask, mint } = createEndpointFixture(keys);
    const assertion = await mint({ subject: 'other' });
    const { body } = await ask({ client_assertion: assertion });
    const [, payload = '', signature = ''] = assertion.split('.');
    expect(JSON.stringify(body)).not.toContain(payload);
    expect(JSON.stringify(body)).not.toContain(signature);
  });
});

describe('a token', () => {
  it('is signed by the tenant and names its identity and resource', async () => {
    const { ask, identity, clock } = createEndpointFixture(keys);
    const { status, body } = await ask();
    expect(status).toBe(200);
    const { payload, protectedHeader } = await jwtVerify(
      String(body['access_token']),
      createLocalJWKSet(keys.tenant.jwks()),
      {
        issuer: `https://sts.windows.net/${tenantId}/`,
        audience: 'https://vault.azure.net',
        currentDate: new Date(clock.epochMs()),
      },
    );
    const nowSeconds = clock.epochMs() / 1000;
    expect(protectedHeader).toEqual({ typ: 'JWT', alg: 'RS256', kid: keys.tenant.currentKid });
    expect(payload).toEqual({
      aud: 'https://vault.azure.net',
      iss: `https://sts.windows.net/${tenantId}/`,
      iat: nowSeconds - 300,
      nbf: nowSeconds - 300,
      exp: nowSeconds + 86_399,
      appid: identity.clientId,
      appidacr: '2',
      idp: `https://sts.windows.net/${tenantId}/`,
      idtyp: 'app',
      oid: identity.objectId,
      sub: identity.objectId,
      tid: tenantId,
      uti: expect.any(String),
      ver: '1.0',
      xms_mirid: identity.resourceId,
    });
    expect(identity.resourceId).toMatch(/\/userAssignedIdentities\/cart$/);
  });

  it('lives 24 hours for a managed identity and has refresh_in', async () => {
    const { ask } = createEndpointFixture(keys);
    expect((await ask()).body).toEqual({
      token_type: 'Bearer',
      expires_in: 86_399,
      ext_expires_in: 86_399,
      refresh_in: 43_199,
      access_token: expect.any(String),
    });
  });

  it('lives an hour for an application, which has neither refresh_in nor xms_mirid', async () => {
    const { ask, addIdentity } = createEndpointFixture(keys);
    const { clientId } = addIdentity({ name: 'app', kind: 'app-registration' });
    const { body } = await ask({ client_id: clientId });
    expect(body).toMatchObject({ expires_in: 3599, ext_expires_in: 3599 });
    expect(body['refresh_in']).toBeUndefined();
    expect(decodeJwt(String(body['access_token']))).not.toHaveProperty('xms_mirid');
  });

  it.each([
    [7200, undefined],
    [7201, 3600],
    [60, undefined],
  ])('of %i seconds has refresh_in %s', async (tokenLifetimeSeconds, refreshIn) => {
    const { ask } = createEndpointFixture(keys, { tokenLifetimeSeconds });
    const { body } = await ask();
    expect(body['expires_in']).toBe(tokenLifetimeSeconds);
    expect(body['refresh_in']).toBe(refreshIn);
  });

  it('changes from token to token, with a refresh_in of choice if the token lives longer', async () => {
    const lives = [60, 30];
    const { ask } = createEndpointFixture(keys, {
      tokenLifetimeSeconds: () => lives.shift() ?? 0,
      refreshInSeconds: 30,
    });
    const bodies = [(await ask()).body, (await ask()).body];
    const fields = bodies.map((body) => [body['expires_in'], body['refresh_in']]);
    expect(fields).toEqual([
      [60, 30],
      [30, undefined],
    ]);
  });

  it.each([
    ['https://vault.azure.net/.default', 'https://vault.azure.net'],
    ['https://database.windows.net//.default', 'https://database.windows.net/'],
    ['api://My-App/.default', 'api://My-App'],
    ['00000003-0000-0000-c000-000000000000/.default', '00000003-0000-0000-c000-000000000000'],
    [' https://vault.azure.net/.default ', 'https://vault.azure.net'],
  ])('for the scope %s has the audience %s', async (scope, expected) => {
    const { ask } = createEndpointFixture(keys);
    const { body } = await ask({ scope });
    expect(decodeJwt(String(body['access_token'])).aud).toBe(expected);
  });

  it.each([tenantId.toUpperCase(), 'contoso.onmicrosoft.com', 'CONTOSO.onmicrosoft.com'])(
    'is given to %s',
    async (tenant) => {
      const { ask } = createEndpointFixture(keys);
      const { body } = await ask({}, { tenant });
      expect(decodeJwt(String(body['access_token']))['tid']).toBe(tenantId);
    },
  );

  it('is of the tenant of its identity', async () => {
    const { ask, addIdentity } = createEndpointFixture(keys);
    const { clientId } = addIdentity({ name: 'far', tenantId: otherTenantId });
    const { body } = await ask({ client_id: clientId }, { tenant: otherTenantId });
    expect(decodeJwt(String(body['access_token']))).toMatchObject({
      tid: otherTenantId,
      iss: `https://sts.windows.net/${otherTenantId}/`,
    });
  });

  it.each([
    ['a client ID in upper case', { client_id: 'UPPER' }],
    ['an unknown parameter', { 'x-client-SKU': 'msal.js.node' }],
  ])('is given in spite of %s', async (_, form: Record<string, string>) => {
    const { ask, identity } = createEndpointFixture(keys);
    const clientId = form['client_id'] === 'UPPER' ? identity.clientId.toUpperCase() : undefined;
    const { status } = await ask({ ...form, client_id: clientId ?? identity.clientId });
    expect(status).toBe(200);
  });

  it.each([
    ['expired less than five minutes ago', { ageSeconds: 3899 }],
    ['not valid yet for less than five minutes', { ageSeconds: -300 }],
    ['of exactly 25 hours', { lifetimeSeconds: 25 * 3600 }],
    ['with several audiences', { audiences: ['https://kubernetes.default.svc', audience] }],
    ['whose audience is a string', { claims: { aud: audience } }],
    ['without nbf and iat', { claims: { nbf: undefined, iat: undefined } }],
  ] satisfies [string, Partial<AssertionRequest>][])(
    'is given for an assertion %s',
    async (_, request) => {
      const { ask, mint } = createEndpointFixture(keys);
      const { status } = await ask({ client_assertion: await mint(request) });
      expect(status).toBe(200);
    },
  );

  it('is given when any one of several credentials matches', async () => {
    const { ask, addIdentity } = createEndpointFixture(keys);
    const { clientId } = addIdentity({
      name: 'many',
      credentials: [{ issuer: 'https://other.test/' }, { subject: 'other' }, {}],
    });
    expect((await ask({ client_id: clientId })).status).toBe(200);
  });
});

describe('resources by list', () => {
  const resources = ['https://vault.azure.net', 'https://database.windows.net/'];

  it.each([
    ['https://vault.azure.net/.default', 200],
    ['https://VAULT.azure.net//.default', 200],
    ['https://database.windows.net/.default', 200],
    ['https://storage.azure.com/.default', 400],
    ['https://vault.azure.net/x/.default', 400],
  ])('%s is answered %i', async (scope, status) => {
    const { ask } = createEndpointFixture(keys, { resources });
    const answer = await ask({ scope });
    expect(answer.status).toBe(status);
    if (status === 400) expect(answer.body['error_codes']).toEqual([500011]);
  });
});

describe('credentials that have not propagated', () => {
  it('are answered with AADSTS70021 and the presented values', async () => {
    const { ask } = createEndpointFixture(keys);
    const { status, body } = await ask({}, { credentialsVisible: false });
    expect(status).toBe(400);
    expect(body['error_codes']).toEqual([70021]);
    expect(body['error_description']).toContain(`Assertion Subject: '${subject}'`);
  });

  it('do not hide a fault that is found before them', async () => {
    const { ask } = createEndpointFixture(keys);
    const { body } = await ask({ client_assertion: 'x' }, { credentialsVisible: false });
    expect(body['error_codes']).toEqual([50027]);
  });
});

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function withHeader(
  jwt: string,
  change: (header: Record<string, unknown>) => Record<string, unknown>,
): string {
  const [, payload, signature] = jwt.split('.');
  return `${encode(change({ ...decodeProtectedHeader(jwt) }))}.${payload}.${signature}`;
}
