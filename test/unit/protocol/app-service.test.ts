import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ErrorCode, type ErrorDetails, ProxyError } from '../../../src/proxy/errors.ts';
import {
  type AppServiceVersion,
  toAppServiceBody,
  toAppServiceErrorResponse,
  toAppServiceQuery,
  toAppServiceVersion,
} from '../../../src/proxy/protocol/app-service.ts';
import { parseQuery } from '../../../src/proxy/protocol/token-query.ts';

const clientId = '11111111-aaaa-4000-8000-000000000001';
const token = {
  accessToken: 'header.payload.signature',
  identity: { clientId, tenantId: 'contoso.example' },
  resource: 'https://vault.azure.net',
  expiresAtSeconds: 1_586_984_735.9,
  issuedAtSeconds: 1_586_898_335,
  extExpiresInSeconds: 86_400,
};

/** The selectors of a query, or the error that it gets. */
function select(version: AppServiceVersion, query: string): unknown {
  try {
    const { selectors } = toAppServiceQuery(version, parseQuery(`resource=r&${query}`));
    return selectors.map(({ name, value }) => `${name}=${value}`).join(' ');
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    return `${error.code} ${error.details.description?.split('; ')[1] ?? ''}`;
  }
}

test.each([
  ['2019-08-01', 'client_id=1', 'client_id=1'],
  ['2019-08-01', 'principal_id=1', 'object_id=1'],
  ['2019-08-01', 'object_id=1', 'object_id=1'],
  ['2019-08-01', 'mi_res_id=1', 'mi_res_id=1'],
  ['2019-08-01', 'client_id=&mi_res_id=', ''],
  ['2019-08-01', 'authority=x&xms_cc=cp1', ''],
  ['2019-08-01', 'clientid=1', "ERR_SELECTOR_NAME use 'client_id'"],
  ['2019-08-01', 'msi_res_id=1', "ERR_SELECTOR_NAME use 'mi_res_id'"],
  ['2019-08-01', 'resource_id=1', "ERR_SELECTOR_NAME use 'mi_res_id'"],
  ['2019-08-01', 'principalId=1', "ERR_SELECTOR_NAME use 'object_id'"],
  ['2017-09-01', 'clientid=1', 'client_id=1'],
  ['2017-09-01', 'client_id=1', "ERR_SELECTOR_NAME use 'clientid'"],
  ['2017-09-01', 'object_id=1', "ERR_SELECTOR_NAME use 'clientid'"],
  ['2017-09-01', 'principal_id=1', "ERR_SELECTOR_NAME use 'clientid'"],
  ['2017-09-01', 'mi_res_id=1', "ERR_SELECTOR_NAME use 'clientid'"],
] as const)('%s: %s selects %s', (version, query, expected) => {
  expect(select(version, query)).toBe(expected);
});

test.each([
  ['2019-08-01', true],
  ['2017-09-01', true],
  ['', false],
  ['2018-02-01', false],
  ['2019-08-01 ', false],
  ['toString', false],
])('api-version %j is served: %s', (version, served) => {
  const attempt = (): unknown => toAppServiceVersion(new Map([['api-version', version]]));
  if (served) expect(attempt()).toBe(version);
  else expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_API_VERSION' }));
});

test('a token that a resource has refused is not answered again', () => {
  const bypasses = (query: string): boolean =>
    toAppServiceQuery('2019-08-01', parseQuery(`resource=r${query}`)).bypassCache;
  expect(bypasses('&token_sha256_to_refresh=ab12')).toBe(true);
  expect(bypasses('&token_sha256_to_refresh=')).toBe(false);
  expect(bypasses('')).toBe(false);
});

test('the bodies of both versions, character by character', () => {
  expect(toAppServiceBody('2019-08-01', token)).toBe(
    `{"access_token":"header.payload.signature","client_id":"${clientId}","expires_on":"1586984735","resource":"https://vault.azure.net","token_type":"Bearer"}`,
  );
  expect(toAppServiceBody('2017-09-01', token)).toBe(
    `{"access_token":"header.payload.signature","client_id":"${clientId}","expires_on":"04/15/2020 21:05:35 +00:00","resource":"https://vault.azure.net","token_type":"Bearer"}`,
  );
});

test('the date text means the same second as the number', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800 }), (seconds) => {
      const body = toAppServiceBody('2017-09-01', { ...token, expiresAtSeconds: seconds });
      const { expires_on: text } = JSON.parse(body) as { expires_on: string };
      expect(text).toMatch(/^\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d \+00:00$/);
      const [, month, day, year, time] = /^(\d+)\/(\d+)\/(\d+) (\S+)/.exec(text) ?? [];
      expect(Date.parse(`${year}-${month}-${day}T${time}Z`) / 1_000).toBe(seconds);
    }),
  );
});

/** The body of an error, parsed. */
function describe(code: ErrorCode, details: ErrorDetails = {}): Record<string, unknown> {
  const { body } = toAppServiceErrorResponse(
    new ProxyError(code, 'for the log', details),
    'our-id',
  );
  expect(body).not.toContain('for the log');
  return JSON.parse(body) as Record<string, unknown>;
}

test('errors have the three members of App Service and nothing else', () => {
  expect(describe('ERR_IDENTITY_NOT_FOUND')).toEqual({
    statusCode: 400,
    message:
      'No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.',
    correlationId: 'our-id',
  });
  const correlationId = '22222222-bbbb-4000-8000-000000000002';
  expect(describe('ERR_REJECTED', { description: 'AADSTS1: no.', correlationId })).toEqual({
    statusCode: 400,
    message: 'AADSTS1: no.',
    correlationId,
  });
  expect(describe('ERR_UNAVAILABLE')['statusCode']).toBe(503);
  expect(describe('ERR_IDENTITY_HEADER')['statusCode']).toBe(401);
});

test('errors hide what looks like a token, wherever it comes from', () => {
  const canary = 'eyJhbGciOiJSUzI1NiJ9.Q0FOQVJZ.c2ln';
  const told = JSON.stringify(
    describe('ERR_REJECTED', { description: canary, hint: canary, correlationId: canary }),
  );
  expect(told).not.toContain('eyJ');
  expect(JSON.stringify(describe('ERR_INTERNAL', { description: canary }))).not.toContain('eyJ');
});
