import { readFile } from 'node:fs/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { systemClock } from '../../../src/emulator/clock.ts';
import { startEmulator } from '../../support/emulator.ts';
import {
  parseAnswer,
  requestToken,
  sendRaw,
  toTokenForm,
  toTokenRequestBytes,
} from '../../support/emulator-client.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());

async function get(
  origin: string,
  path: string,
  method = 'GET',
  host = new URL(origin).host,
  trust: Pick<Emulator, 'caPem'> = emulator,
) {
  const bytes = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  return parseAnswer((await sendRaw(trust, origin, bytes)).bytes);
}

/** As `get`, from another emulator. */
function getFrom(other: Emulator, path: string) {
  return get(other.authorityHost, path, 'GET', new URL(other.authorityHost).host, other);
}

async function getJson(origin: string, path: string, host?: string): Promise<unknown> {
  return JSON.parse((await get(origin, path, 'GET', host)).body);
}

/** Whatever JWK has one of these is not only public. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

describe('what the tenant publishes', () => {
  it('leads from its discovery document to the keys that verify its tokens', async () => {
    const { authorityHost, tenantId } = emulator;
    const discovery = (await getJson(
      authorityHost,
      `/${tenantId}/v2.0/.well-known/openid-configuration`,
    )) as Record<string, string>;
    expect(discovery).toMatchObject({
      issuer: `${authorityHost}/${tenantId}/v2.0`,
      token_endpoint: `${authorityHost}/${tenantId}/oauth2/v2.0/token`,
      authorization_endpoint: `${authorityHost}/${tenantId}/oauth2/v2.0/authorize`,
      jwks_uri: `${authorityHost}/${tenantId}/discovery/v2.0/keys`,
    });
    const keysPath = new URL(discovery['jwks_uri'] ?? '').pathname;
    const jwks = (await getJson(authorityHost, keysPath)) as JSONWebKeySet;
    for (const jwk of jwks.keys) {
      for (const member of privateMembers) expect(jwk).not.toHaveProperty(member);
    }
    const { body } = await requestToken(emulator);
    const { payload } = await jwtVerify(JSON.parse(body).access_token, createLocalJWKSet(jwks), {
      issuer: `https://sts.windows.net/${tenantId}/`,
      audience: 'https://vault.azure.net',
    });
    expect(payload['appid']).toBe(emulator.identities.list()[0]?.clientId);
  });

  it('has a discovery document of version 1, whose issuer is that of the tokens', async () => {
    const { authorityHost, tenantId } = emulator;
    const document = await getJson(authorityHost, `/${tenantId}/.well-known/openid-configuration`);
    expect(document).toMatchObject({
      issuer: `https://sts.windows.net/${tenantId}/`,
      token_endpoint: `${authorityHost}/${tenantId}/oauth2/token`,
      jwks_uri: `${authorityHost}/${tenantId}/discovery/keys`,
    });
  });

  it('names itself as the client does', async () => {
    const { authorityHost, tenantId } = emulator;
    const path = `/${tenantId}/v2.0/.well-known/openid-configuration`;
    const origins = [
      ['login.test:8443', 'https://login.test:8443'],
      ['[::1]:8443', 'https://[::1]:8443'],
      ['a b', authorityHost],
      ['x/y', authorityHost],
      ['x:99999', authorityHost],
    ] as const;
    for (const [host, origin] of origins) {
      const document = await getJson(authorityHost, path, host);
      expect(document).toMatchObject({ issuer: `${origin}/${tenantId}/v2.0` });
    }
  });

  it('says that a tenant does not exist, as the token endpoint does', async () => {
    const tenantId = '55555555-5555-4555-8555-555555555555';
    const { status, body } = await get(
      emulator.authorityHost,
      `/${tenantId}/v2.0/.well-known/openid-configuration`,
    );
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({
      error_codes: [90002],
      error_description: expect.stringMatching(/^AADSTS90002: .* Correlation ID: /),
    });
  });

  it('names the other cloud that the tenant belongs to, and refuses token requests', async () => {
    const abroad = await startEmulator({ otherCloud: 'microsoftonline.us' });
    try {
      const path = `/${abroad.tenantId}/v2.0/.well-known/openid-configuration`;
      const { body } = await getFrom(abroad, path);
      expect(JSON.parse(body)).toMatchObject({ cloud_instance_name: 'microsoftonline.us' });
      const request = toTokenRequestBytes(abroad, await toTokenForm(abroad));
      const answer = parseAnswer((await sendRaw(abroad, abroad.authorityHost, request)).bytes);
      expect(JSON.parse(answer.body)).toMatchObject({ error_codes: [900382] });
    } finally {
      await abroad.stop();
    }
  });

  it('dates its answers by its own clock', async () => {
    const aheadMs = 600_000;
    const ahead = await startEmulator({
      clock: { ...systemClock, epochMs: () => Date.now() + aheadMs },
    });
    try {
      const { headers } = await getFrom(ahead, '/');
      expect(Date.parse(headers.get('date') ?? '') - Date.now()).toBeGreaterThan(aheadMs - 60_000);
    } finally {
      await ahead.stop();
    }
  });

  it('answers instance discovery', async () => {
    const { authorityHost, tenantId } = emulator;
    const { host } = new URL(authorityHost);
    const path = '/common/discovery/instance?api-version=1.1';
    expect(await getJson(authorityHost, path)).toEqual({
      tenant_discovery_endpoint: `${authorityHost}/${tenantId}/v2.0/.well-known/openid-configuration`,
      'api-version': '1.1',
      metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
    });
  });

  it.each([
    ['/', 404],
    ['/x/oauth2/v2.0/authorize', 404],
    ['//evil.test/x', 404],
    ['https://[bad/', 404],
    ['*', 404],
  ])('answers %s with %i', async (path, status) => {
    expect((await get(emulator.authorityHost, path)).status).toBe(status);
  });

  it('answers other methods than GET on a document with 405', async () => {
    const path = `/${emulator.tenantId}/discovery/v2.0/keys`;
    const { status, headers } = await get(emulator.authorityHost, path, 'DELETE');
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

describe('the token endpoint, on the wire', () => {
  it('answers GET with AADSTS900561', async () => {
    const path = `/${emulator.tenantId}/oauth2/v2.0/token`;
    const { status, body } = await get(emulator.authorityHost, path);
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ error_codes: [900561] });
  });

  it('answers a body above 64 KiB with 413', async () => {
    const form = await toTokenForm(emulator);
    form.set('x', 'y'.repeat(70_000));
    const { bytes } = await sendRaw(
      emulator,
      emulator.authorityHost,
      toTokenRequestBytes(emulator, form),
    );
    expect(parseAnswer(bytes).status).toBe(413);
  });

  it('decodes the tenant segment', async () => {
    const bytes =
      'POST /a%20b/oauth2/v2.0/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
    const answer = parseAnswer((await sendRaw(emulator, emulator.authorityHost, bytes)).bytes);
    expect(JSON.parse(answer.body).error_description).toContain(
      "AADSTS900023: Specified tenant identifier 'a b'",
    );
  });

  it.each([
    ['header', (id: string) => ({ headers: [`client-request-id: ${id}`] })],
    [
      'header, in upper case',
      (id: string) => ({ headers: [`Client-Request-Id: ${id.toUpperCase()}`] }),
    ],
  ])('echoes client-request-id of the %s', async (_, toOptions) => {
    const id = 'abcdef00-1111-4111-8111-111111111111';
    const { headers } = await requestToken(emulator, toOptions(id));
    expect(headers.get('client-request-id')?.toLowerCase()).toBe(id);
  });

  it.each(['query', 'form'])(
    'takes client-request-id of the %s as correlation ID',
    async (place) => {
      const id = 'abcdef00-1111-4111-8111-111111111111';
      const form = await toTokenForm(emulator, { clientId: 'unknown' });
      if (place === 'form') form.set('client-request-id', id);
      const query = place === 'query' ? `?client-request-id=${id}` : '';
      const bytes = toTokenRequestBytes(emulator, form).replace('/token ', `/token${query} `);
      const answer = parseAnswer((await sendRaw(emulator, emulator.authorityHost, bytes)).bytes);
      const body = JSON.parse(answer.body);
      expect(body.correlation_id).toBe(id);
      expect(body.error_description).toContain(`Correlation ID: ${id}`);
      expect(body.trace_id).toBe(answer.headers.get('x-ms-request-id'));
      expect(answer.headers.get('client-request-id')).toBe(id);
    },
  );

  it('makes an ID of its own for one that is no GUID', async () => {
    const { headers } = await requestToken(emulator, { headers: ['client-request-id: <x>'] });
    expect(headers.get('client-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('outlives a client that leaves in the middle of its request', async () => {
    const form = await toTokenForm(emulator);
    const bytes = toTokenRequestBytes(emulator, form);
    const patience = new AbortController();
    const half = sendRaw(
      emulator,
      emulator.authorityHost,
      bytes.slice(0, bytes.length / 2),
      patience.signal,
    );
    setImmediate(() => patience.abort());
    await half;
    expect((await requestToken(emulator)).status).toBe(200);
  });
});

describe('the journal of real requests', () => {
  it('has what federation compares and neither assertion nor token', async () => {
    emulator.journal.clear();
    const form = await toTokenForm(emulator);
    const assertion = form.get('client_assertion') ?? '';
    const { bytes } = await sendRaw(
      emulator,
      emulator.authorityHost,
      toTokenRequestBytes(emulator, form),
    );
    const accessToken: string = JSON.parse(parseAnswer(bytes).body).access_token;
    const entries = emulator.journal.entries();
    expect(entries).toMatchObject([
      {
        server: 'tenant',
        method: 'POST',
        path: `/${emulator.tenantId}/oauth2/v2.0/token`,
        tenant: emulator.tenantId,
        clientId: form.get('client_id'),
        scope: 'https://vault.azure.net/.default',
        assertion: {
          iss: emulator.issuerUrl,
          sub: 'system:serviceaccount:default:demo',
          aud: ['api://AzureADTokenExchange'],
          kid: emulator.issuer.keys.currentKid,
        },
        outcome: { status: 200 },
      },
    ]);
    const text = JSON.stringify(entries);
    for (const part of [...assertion.split('.'), ...accessToken.split('.')]) {
      expect(text).not.toContain(part);
    }
  });
});

describe('the issuer, on the wire', () => {
  it('serves its documents below its URL', async () => {
    const discovery = (await getJson(
      emulator.issuerUrl,
      '/.well-known/openid-configuration',
    )) as Record<string, string>;
    expect(discovery['issuer']).toBe(emulator.issuerUrl);
    const { pathname } = new URL(discovery['jwks_uri'] ?? '');
    const jwks = (await getJson(emulator.issuerUrl, pathname)) as JSONWebKeySet;
    for (const jwk of jwks.keys) {
      for (const member of privateMembers) expect(jwk).not.toHaveProperty(member);
    }
    const { payload } = await jwtVerify(
      await readFile(emulator.tokenFile, 'utf8'),
      createLocalJWKSet(jwks),
      { issuer: emulator.issuerUrl, audience: 'api://AzureADTokenExchange' },
    );
    expect(payload.sub).toBe('system:serviceaccount:default:demo');
  });

  it.each(['/', '/openid/v1/jwks/x', 'https://[bad/'])('answers %s with 404', async (path) => {
    expect((await get(emulator.issuerUrl, path)).status).toBe(404);
  });

  it('is journaled', async () => {
    emulator.journal.clear();
    await get(emulator.issuerUrl, '/openid/v1/jwks');
    expect(emulator.journal.entries()).toMatchObject([
      { server: 'issuer', method: 'GET', path: '/openid/v1/jwks', outcome: { status: 200 } },
    ]);
  });
});

describe('an issuer that is not its own', () => {
  let other: Emulator;
  beforeAll(async () => {
    other = await startEmulator();
  });
  afterAll(() => other.stop());

  const ask = async (): Promise<{ readonly status: number; readonly body: string }> => {
    const credentials = [{ issuer: other.issuerUrl }];
    const { clientId } = emulator.addIdentity({ name: 'abroad', credentials });
    const form = await toTokenForm(other, { clientId });
    const request = toTokenRequestBytes(emulator, form);
    return parseAnswer((await sendRaw(emulator, emulator.authorityHost, request)).bytes);
  };

  it('is AADSTS90061 when its certificate is of a CA that nobody trusts', async () => {
    expect(JSON.parse((await ask()).body)).toMatchObject({ error_codes: [90061] });
  });

  it('is asked for its keys over HTTPS, once', async () => {
    const defaults = getCACertificates('default');
    setDefaultCACertificates([...defaults, other.caPem]);
    try {
      expect((await ask()).status).toBe(200);
      expect((await ask()).status).toBe(200);
      expect(other.journal.entries().map(({ path }) => path)).toEqual([
        '/.well-known/openid-configuration',
        '/openid/v1/jwks',
      ]);
    } finally {
      setDefaultCACertificates(defaults);
    }
  });
});

describe('rotation while it runs', () => {
  it('of the issuer key: old assertions are valid until it is retired', async () => {
    const form = await toTokenForm(emulator);
    const ask = async (): Promise<number> => {
      const bytes = toTokenRequestBytes(emulator, form);
      return parseAnswer((await sendRaw(emulator, emulator.authorityHost, bytes)).bytes).status;
    };
    expect(await ask()).toBe(200);
    await emulator.rotateIssuerKey();
    expect(await ask()).toBe(200);
    expect((await requestToken(emulator)).status).toBe(200);
    await emulator.rotateIssuerKey({ retireOld: true });
    expect(await ask()).toBe(401);
    expect((await requestToken(emulator)).status).toBe(200);
  });

  it('of the tenant key: new tokens name the new one', async () => {
    const kidsBefore = await getKids();
    await emulator.rotateTenantKey();
    expect(await getKids()).toHaveLength(kidsBefore.length + 1);
    await emulator.rotateTenantKey({ retireOld: true });
    const [kid, ...rest] = await getKids();
    expect(rest).toEqual([]);
    expect(kidsBefore).not.toContain(kid);
  });

  it('of the token file: what is projected stays so until it is set back', async () => {
    await emulator.projectToken({ subject: 'system:serviceaccount:default:wrong' });
    await emulator.rotateTokenFile();
    expect(await readSubject()).toBe('system:serviceaccount:default:wrong');
    await emulator.projectToken({});
    expect(await readSubject()).toBe('system:serviceaccount:default:demo');
  });
});

async function getKids(): Promise<readonly (string | undefined)[]> {
  const path = `/${emulator.tenantId}/discovery/v2.0/keys`;
  const { keys } = (await getJson(emulator.authorityHost, path)) as JSONWebKeySet;
  return keys.map(({ kid }) => kid);
}

async function readSubject(): Promise<unknown> {
  const [, payload = ''] = (await readFile(emulator.tokenFile, 'utf8')).split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')).sub;
}
