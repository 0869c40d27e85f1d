/** What a program hands out must be the token of whom it has asked for, and of nobody else. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import { requestToken } from '../../support/emulator-client.ts';
import { recordedIdentities } from '../../support/recorded-clients.ts';
import type { SelectorName } from '../lab/scenarios.ts';
import { toSeen } from '../lab/seen.ts';

const resource = 'https://default.vault.azure.net';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator(recordedIdentities);
});
afterAll(() => emulator.stop());

async function getToken(owner: 'orders' | 'reports', of = resource): Promise<string> {
  const identity = emulator.identities.list().find(({ name }) => name === owner);
  const { body } = await requestToken(emulator, {
    resource: of,
    ...(identity === undefined ? {} : { clientId: identity.clientId }),
  });
  return (JSON.parse(body) as { readonly access_token: string }).access_token;
}

test.each<[SelectorName, 'orders' | 'reports', string]>([
  ['default', 'orders', 'token'],
  ['default', 'reports', 'wrong'],
  ['clientId', 'orders', 'token'],
  ['clientId', 'reports', 'wrong'],
  ['otherClientId', 'reports', 'token'],
  ['otherClientId', 'orders', 'wrong'],
  ['objectId', 'reports', 'token'],
  ['objectId', 'orders', 'wrong'],
  ['resourceId', 'reports', 'token'],
  ['resourceId', 'orders', 'wrong'],
  ['unknownClientId', 'orders', 'wrong'],
  ['unknownClientId', 'reports', 'wrong'],
])('asked by %s, a token of %s is %s', async (selector, owner, kind) => {
  const token = await getToken(owner);
  expect(await toSeen(emulator, { token }, { resource, selector })).toMatchObject({ kind });
});

test.each([
  ['of another resource', () => getToken('orders', 'https://other.vault.azure.net')],
  ['that nobody has signed', async () => `${await getToken('orders')}x`],
  ['of the node', async () => 'of the node'],
  ['that is empty', async () => ''],
])('a token %s is wrong', async (_, get) => {
  const seen = await toSeen(emulator, { token: await get() }, { resource, selector: 'default' });
  expect(seen.kind).toBe('wrong');
});

test('a secret is what the vault keeps, and nothing else', async () => {
  const see = (token: string) => toSeen(emulator, { token }, { resource, selector: 'secret' });
  expect(await see('Hello from the vault')).toEqual({ kind: 'secret' });
  expect(await see('fallback')).toMatchObject({ kind: 'wrong' });
});
