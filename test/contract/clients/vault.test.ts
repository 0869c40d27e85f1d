/** The vault of the laboratory must be able to refuse: a secret would otherwise prove nothing. */
import { request } from 'node:https';
import { json } from 'node:stream/consumers';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startVault, type Vault, vaultHost } from '../../clients/lab/vault.ts';
import { startEmulator } from '../../support/emulator.ts';
import { requestToken } from '../../support/emulator-client.ts';

let emulator: Emulator;
let vault: Vault;
const defaultCas = getCACertificates('default');
beforeAll(async () => {
  emulator = await startEmulator({ identities: [{ name: 'orders' }, { name: 'reports' }] });
  setDefaultCACertificates([...defaultCas, emulator.caPem]);
  vault = await startVault(emulator, 0);
});
afterAll(async () => {
  setDefaultCACertificates(defaultCas);
  await vault[Symbol.asyncDispose]();
  await emulator.stop();
});

async function tokenFor(options: Parameters<typeof requestToken>[1]): Promise<string> {
  const { body } = await requestToken(emulator, options);
  return (JSON.parse(body) as { access_token: string }).access_token;
}

function read(token?: string): Promise<{
  readonly status: number | undefined;
  readonly challenge: string | undefined;
  readonly body: unknown;
}> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port: vault.port,
        servername: vaultHost,
        ca: vault.caPem,
        path: '/secrets/greeting/?api-version=7.6',
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      },
      (response) => {
        json(response).then((body) => {
          const challenge = response.headers['www-authenticate'];
          resolve({ status: response.statusCode, challenge, body });
        }, reject);
      },
    );
    asked.on('error', reject).end();
  });
}

describe('the vault', () => {
  test('gives its secret for the right token', async () => {
    const { status, body } = await read(await tokenFor({}));
    expect(status).toBe(200);
    expect(body).toMatchObject({ value: 'Hello from the vault' });
  });

  test('asks for a token by a challenge', async () => {
    const { status, challenge } = await read();
    expect(status).toBe(401);
    expect(challenge).toBe(
      `Bearer authorization="https://login.microsoftonline.com/${emulator.tenantId}", resource="https://vault.azure.net"`,
    );
  });

  test.each<[string, () => Promise<string>]>([
    ['for another resource', () => tokenFor({ resource: 'https://storage.azure.com' })],
    [
      'of another identity',
      () => tokenFor({ clientId: emulator.identities.list()[1]?.clientId ?? '' }),
    ],
    [
      'with another signature',
      async () => {
        const [header, payload] = (await tokenFor({})).split('.');
        return `${header}.${payload}.${Buffer.alloc(256, 1).toString('base64url')}`;
      },
    ],
  ])('refuses a token %s', async (_, getToken) => {
    const { status, challenge } = await read(await getToken());
    expect(status).toBe(401);
    expect(challenge).toContain('resource=');
  });
});
