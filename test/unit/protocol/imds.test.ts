import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toTokenBody } from '../../../src/proxy/protocol/imds.ts';

const token = {
  accessToken: 'token',
  identity: { clientId: 'client', tenantId: 'tenant' },
  resource: 'https://vault.azure.net',
  expiresAtSeconds: 1_709_895_997,
  issuedAtSeconds: 1_709_809_597,
  extExpiresInSeconds: 86_399,
};

test('the body is the captured one, byte for byte', () => {
  expect(toTokenBody(token, 1_709_809_680_999)).toBe(
    '{"access_token":"token","client_id":"client","expires_in":"86317","expires_on":"1709895997","ext_expires_in":"86399","not_before":"1709809297","resource":"https://vault.azure.net","token_type":"Bearer"}',
  );
});

test.each([
  [1_709_895_997_000, '1'],
  [1_709_999_999_000, '1'],
  [1_709_895_995_999, '2'],
  [1_709_895_995_000, '2'],
])('at %d ms, expires_in is %s and never less than one', (nowEpochMs, expiresIn) => {
  expect(JSON.parse(toTokenBody(token, nowEpochMs))).toMatchObject({ expires_in: expiresIn });
});

test('fractions of a second do not reach the wire', () => {
  const fractional = {
    ...token,
    expiresAtSeconds: 1_709_895_997.9,
    issuedAtSeconds: 1_709_809_597.9,
    extExpiresInSeconds: 86_399.5,
  };
  expect(toTokenBody(fractional, 1_709_809_680_000)).toBe(toTokenBody(token, 1_709_809_680_000));
});

test('vector 15: whatever the resource is, the body is one line of JSON that echoes it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (resource) => {
      const body = toTokenBody({ ...token, resource }, 1_709_809_680_000);
      expect(body).not.toMatch(/[\r\n]/);
      expect(JSON.parse(body)).toMatchObject({ resource, token_type: 'Bearer' });
    }),
  );
});
