/** The emulated services must be able to refuse: what they give would otherwise prove nothing. */
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import {
  type AzureServices,
  type ServiceEntry,
  startAzureServices,
} from '../../../src/emulator/azure-services/azure-services.ts';
import { createTokenCheck } from '../../../src/emulator/azure-services/bearer.ts';
import { createBlobAccount } from '../../../src/emulator/azure-services/blob-account.ts';
import { createKeyVault } from '../../../src/emulator/azure-services/key-vault.ts';
import { createResourceManager } from '../../../src/emulator/azure-services/resource-manager.ts';
import { startEmulator } from '../../support/emulator.ts';
import { requestToken } from '../../support/emulator-client.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const subscriptionId = '11111111-2222-4333-8444-555555555555';
const identities = [{ name: 'orders' }, { name: 'reports' }] as const;

let emulator: Emulator;
/** A tenant with the same ID and identities, but other keys. */
let impostor: Emulator;
let services: AzureServices;
const clock = createManualClock(Date.now());
const entries: ServiceEntry[] = [];

beforeAll(async () => {
  [emulator, impostor] = await Promise.all([
    startEmulator({ identities }),
    startEmulator({ identities }),
  ]);
  const { tenantId } = emulator;
  const readers = [toClientId(0)];
  services = await startAzureServices(
    { clock, tenant: emulator, onRequest: (entry) => entries.push(entry) },
    {
      services: [
        createKeyVault({ name: 'shop', tenantId, readers, secrets: { greeting: 'Hello' } }),
        createBlobAccount({ name: 'shop', tenantId, readers, blobs: { 'letters/a.txt': 'Hello' } }),
        createResourceManager({
          ...{ tenantId, readers },
          subscription: { id: subscriptionId, name: 'Shop' },
        }),
      ],
      port: 0,
    },
  );
});
afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await Promise.all([emulator.stop(), impostor.stop()]);
});

function toClientId(index: number): string {
  return emulator.identities.list()[index]?.clientId ?? '';
}

async function tokenFor(
  options: Parameters<typeof requestToken>[1],
  from: Emulator = emulator,
): Promise<string> {
  const { body } = await requestToken(from, options);
  return (JSON.parse(body) as { access_token: string }).access_token;
}

interface Read {
  readonly status: number | undefined;
  readonly body: string;
  readonly challenge: string | undefined;
  readonly range: string | undefined;
}

function read(
  url: string,
  token?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Read> {
  const { host, pathname, search } = new URL(url);
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        ...{ host: '127.0.0.1', port: services.port, ca: services.caPem },
        servername: services.hosts.includes(host) ? host : 'localhost',
        path: pathname + search,
        headers: { 'x-ms-version': '2025-11-05', host, ...authorization, ...headers },
        signal: AbortSignal.timeout(5_000),
      },
      (response) => {
        const { 'www-authenticate': challenge, 'content-range': range } = response.headers;
        text(response).then(
          (body) => resolve({ status: response.statusCode, body, challenge, range }),
          reject,
        );
      },
    );
    asked.on('error', reject).end();
  });
}

const secretUrl = 'https://shop.vault.azure.net/secrets/greeting/?api-version=7.6';
const blobUrl = 'https://shop.blob.core.windows.net/letters/a.txt';
const subscriptionsUrl = 'https://management.azure.com/subscriptions?api-version=2022-12-01';

const kinds = [
  { name: 'the vault', url: secretUrl, resource: 'https://vault.azure.net' },
  { name: 'the storage account', url: blobUrl, resource: 'https://storage.azure.com' },
  { name: 'Resource Manager', url: subscriptionsUrl, resource: 'https://management.azure.com' },
] as const;

describe.each(kinds)('$name', ({ url, resource }) => {
  test.each([
    ['as it is', resource],
    ['with a slash at the end', `${resource}/`],
  ])('takes the right token for its resource %s', async (_, named) => {
    const { status } = await read(url, await tokenFor({ resource: named }));
    expect(status).toBe(200);
  });

  test('asks for a token by a challenge that names the tenant', async () => {
    const { status, challenge } = await read(url);
    expect(status).toBe(401);
    expect(challenge).toMatch(
      new RegExp(`^Bearer .*https://login\\.microsoftonline\\.com/${emulator.tenantId}`),
    );
  });

  test.each<[string, () => Promise<string>, RegExp]>([
    [
      'for another resource',
      () => tokenFor({ resource: 'https://graph.microsoft.com' }),
      /aud\W+claim/,
    ],
    ['of another signer', () => tokenFor({ resource }, impostor), /no applicable key|signature/i],
    [
      'with another signature',
      async () => {
        const [header, payload] = (await tokenFor({ resource })).split('.');
        return `${header}.${payload}.${Buffer.alloc(256, 1).toString('base64url')}`;
      },
      /signature/,
    ],
    [
      'with other claims under its signature',
      async () => {
        const [header, payload = '', signature] = (await tokenFor({ resource })).split('.');
        const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
        const changed = JSON.stringify({ ...claims, exp: claims.exp + 60 });
        return `${header}.${Buffer.from(changed).toString('base64url')}.${signature}`;
      },
      /signature/,
    ],
    ['that is none', async () => 'no-token', /Compact JWS/i],
  ])('refuses a token %s', async (_, getToken, why) => {
    const { status, challenge, body } = await read(url, await getToken());
    expect(status).toBe(401);
    expect(challenge).toBeDefined();
    expect(body).toMatch(why);
  });

  test('refuses a token that has expired, and one that has yet to start', async () => {
    const token = await tokenFor({ resource });
    const twoDaysMs = 2 * 86_400_000;
    clock.jumpEpoch(twoDaysMs);
    const late = await read(url, token);
    clock.jumpEpoch(-2 * twoDaysMs);
    const early = await read(url, token);
    clock.jumpEpoch(twoDaysMs);
    expect(late.status).toBe(401);
    expect(late.body).toMatch(/exp\W+claim/);
    expect(early.status).toBe(401);
    expect(early.body).toMatch(/nbf\W+claim/);
    expect((await read(url, token)).status).toBe(200);
  });

  test('refuses a token whose key the tenant has retired', async () => {
    const token = await tokenFor({ resource });
    await emulator.rotateTenantKey({ retireOld: true });
    expect((await read(url, token)).status).toBe(401);
    expect((await read(url, await tokenFor({ resource }))).status).toBe(200);
  });
});

test('the check of a token alone takes a resource by its exact name only', async () => {
  const check = createTokenCheck({ clock, tenant: emulator });
  const token = await tokenFor({ resource: 'https://vault.azure.net/' });
  const [as, without] = await Promise.all([
    check(token, ['https://vault.azure.net/']),
    check(token, ['https://vault.azure.net']),
  ]);
  expect(as).toEqual({ kind: 'identity', clientId: toClientId(0) });
  expect(without.kind).toBe('refused');
});

test('a token of another tenant is refused by its issuer, although all tenants share their keys', async () => {
  const resource = 'https://vault.azure.net';
  const { authorityHost, caPem } = emulator;
  const tenant = { authorityHost, caPem, tenantId: '22222222-2222-4222-8222-222222222222' };
  const holder = await createTokenCheck({ clock, tenant })(await tokenFor({ resource }), [
    resource,
  ]);
  expect(holder).toEqual({ kind: 'refused', why: expect.stringMatching(/iss\W+claim/) });
});

describe('what they give', () => {
  test('the vault: a secret, to who may read it', async () => {
    const resource = 'https://vault.azure.net';
    const { body } = await read(secretUrl, await tokenFor({ resource }));
    expect(JSON.parse(body)).toMatchObject({ value: 'Hello' });
    const other = await read(secretUrl, await tokenFor({ resource, clientId: toClientId(1) }));
    expect(other).toMatchObject({ status: 403, challenge: undefined });
    expect(other.body).toContain(toClientId(1));
  });

  test.each([
    ['an unknown secret', 'secrets/other?api-version=7.6', 404],
    ['a property that all objects have', 'secrets/constructor?api-version=7.6', 404],
    ['no api-version', 'secrets/greeting', 400],
  ])('the vault: %s', async (_, path, status) => {
    const token = await tokenFor({ resource: 'https://vault.azure.net' });
    expect((await read(`https://shop.vault.azure.net/${path}`, token)).status).toBe(status);
  });

  test('the storage account: a blob, to who may read it', async () => {
    const resource = 'https://storage.azure.com';
    const token = await tokenFor({ resource });
    expect(await read(blobUrl, token)).toMatchObject({ status: 200, body: 'Hello' });
    const other = await read(blobUrl, await tokenFor({ resource, clientId: toClientId(1) }));
    expect(other.status).toBe(403);
    expect(other.body).toContain('<Code>AuthorizationPermissionMismatch</Code>');
    expect((await read(`${blobUrl}2`, token)).status).toBe(404);
  });

  test.each([
    ['bytes=0-1', 206, 'He', 'bytes 0-1/5'],
    ['bytes=0-33554431', 206, 'Hello', 'bytes 0-4/5'],
    ['bytes=3-', 206, 'lo', 'bytes 3-4/5'],
    ['bytes=5-9', 416, expect.stringContaining('InvalidRange'), undefined],
  ])('the storage account: %s of a blob', async (wanted, status, body, range) => {
    const token = await tokenFor({ resource: 'https://storage.azure.com' });
    const answer = await read(blobUrl, token, { 'x-ms-range': wanted });
    expect(answer).toMatchObject({ status, body, range });
  });

  test('Resource Manager: a subscription to who has a role in it, and none to others', async () => {
    const resource = 'https://management.core.windows.net/';
    const { tenantId } = emulator;
    const token = await tokenFor({ resource });
    const found = { subscriptionId, tenantId, displayName: 'Shop', state: 'Enabled' };
    const { body } = await read(subscriptionsUrl, token);
    expect(JSON.parse(body)).toMatchObject({ value: [found] });
    const one = subscriptionsUrl.replace('?', `/${subscriptionId}?`);
    expect(JSON.parse((await read(one, token)).body)).toMatchObject(found);
    const tenants = await read(subscriptionsUrl.replace('subscriptions', 'tenants'), token);
    expect(JSON.parse(tenants.body)).toMatchObject({ value: [{ tenantId }] });

    const other = await tokenFor({ resource, clientId: toClientId(1) });
    expect(JSON.parse((await read(subscriptionsUrl, other)).body)).toEqual({ value: [] });
    expect((await read(one, other)).status).toBe(404);
  });

  test('a name that nobody here has is misdirected', async () => {
    const { status, body } = await read('https://elsewhere.vault.azure.net/secrets/greeting');
    expect(status).toBe(421);
    expect(body).toContain('shop.vault.azure.net');
  });

  test('every request is told of, with its caller', async () => {
    entries.length = 0;
    await read(secretUrl);
    await read(secretUrl, await tokenFor({ resource: 'https://vault.azure.net' }));
    expect(entries.map(({ target, caller, answer }) => [target, caller, answer.status])).toEqual([
      ['/secrets/greeting/?api-version=7.6', { kind: 'nobody' }, 401],
      ['/secrets/greeting/?api-version=7.6', { kind: 'identity', clientId: toClientId(0) }, 200],
    ]);
  });
});
