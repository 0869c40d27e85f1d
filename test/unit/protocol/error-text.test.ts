import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ErrorCode, ProxyError } from '../../../src/proxy/errors.ts';
import { toErrorResponse } from '../../../src/proxy/protocol/imds.ts';

/** Every code, with its status and `error`: a new one does not compile until it is here. */
const table: Record<ErrorCode, readonly [status: number, error: string]> = {
  ERR_HTTP_MALFORMED: [400, 'bad_request'],
  ERR_HTTP_TIMEOUT: [408, 'bad_request'],
  ERR_HTTP_TARGET: [414, 'bad_request'],
  ERR_HTTP_HEADERS: [431, 'bad_request'],
  ERR_HTTP_BODY: [413, 'bad_request'],
  ERR_METADATA_HEADER: [400, 'invalid_request'],
  ERR_FORWARDED: [400, 'invalid_request'],
  ERR_HOST: [400, 'invalid_request'],
  ERR_IDENTITY_HEADER: [401, 'unauthorized'],
  ERR_METHOD: [405, 'method_not_allowed'],
  ERR_PATH: [404, 'not_found'],
  ERR_IMDS_V2: [405, 'method_not_allowed'],
  ERR_MALFORMED_QUERY: [400, 'invalid_request'],
  ERR_DUPLICATE_QUERY: [400, 'invalid_request'],
  ERR_API_VERSION: [
    400,
    'Bad request. api-version is invalid or was not specified in the request. For more information refer to aka.ms/azureimds',
  ],
  ERR_RESOURCE_MISSING: [400, 'invalid_request'],
  ERR_RESOURCE_INVALID: [400, 'invalid_resource'],
  ERR_RESOURCE_NOT_ALLOWED: [400, 'invalid_resource'],
  ERR_SELECTOR_NAME: [400, 'invalid_request'],
  ERR_IDENTITY_NOT_FOUND: [400, 'invalid_request'],
  ERR_IDENTITY_NOT_ALLOWED: [400, 'invalid_request'],
  ERR_IDENTITY_CONFLICT: [400, 'invalid_request'],
  ERR_IDENTITY_AMBIGUOUS: [400, 'invalid_request'],
  ERR_ASSERTION: [503, 'service_unavailable'],
  ERR_REJECTED: [400, 'invalid_request'],
  ERR_THROTTLED: [429, 'too_many_requests'],
  ERR_UNAVAILABLE: [503, 'service_unavailable'],
  ERR_TIMEOUT: [503, 'service_unavailable'],
  ERR_PASSTHROUGH: [503, 'service_unavailable'],
  ERR_LOOP: [508, 'loop_detected'],
  ERR_SHUTTING_DOWN: [503, 'service_unavailable'],
  ERR_INTERNAL: [500, 'server_error'],
};
const codes = Object.keys(table) as ErrorCode[];

test.each(Object.entries(table))('%s', (code, [status, error]) => {
  const response = toErrorResponse(new ProxyError(code as ErrorCode, 'for the log'));
  expect(response.status).toBe(status);
  const body = JSON.parse(response.body) as Record<string, unknown>;
  expect(body['error']).toBe(error);
  expect(body['error_description']).toBeTypeOf('string');
  expect(response.body).not.toContain('for the log');
});

test.each([
  [
    'ERR_METADATA_HEADER',
    '{"error":"invalid_request","error_description":"Required metadata header not specified"}',
  ],
  [
    'ERR_RESOURCE_MISSING',
    '{"error":"invalid_request","error_description":"Required query variable \'resource\' is missing"}',
  ],
  [
    'ERR_IDENTITY_NOT_FOUND',
    '{"error":"invalid_request","error_description":"Identity not found"}',
  ],
  [
    'ERR_IDENTITY_AMBIGUOUS',
    '{"error":"invalid_request","error_description":"Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"}',
  ],
] as const)('%s is the captured body', (code, body) => {
  expect(toErrorResponse(new ProxyError(code, '')).body).toBe(body);
});

test('the lengths of the captured bodies', () => {
  const length = (code: ErrorCode): number => toErrorResponse(new ProxyError(code, '')).body.length;
  expect(length('ERR_METADATA_HEADER')).toBe(88);
  expect(length('ERR_RESOURCE_MISSING')).toBe(95);
  expect(length('ERR_IDENTITY_NOT_FOUND')).toBe(68);
});

test('an api-version error names versions that a client may try instead', () => {
  const { body } = toErrorResponse(new ProxyError('ERR_API_VERSION', ''));
  expect(JSON.parse(body)).toMatchObject({
    'newest-versions': ['2025-04-07', '2024-07-17', '2024-03-15'],
  });
});

test('vector 94: whatever an error holds, its answer keeps to the contract', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('Host UnReachable', 'identity NOT found', 'AADSTS70021: x', '', 'a\r\nb'),
    fc.constant(`eyJhbGciOi.${'e'.repeat(5_000)}.sig`),
  );
  const details = fc.record(
    {
      oauthError: text,
      description: text,
      hint: text,
      aadsts: fc.nat(),
      traceId: text,
      correlationId: text,
      timestamp: text,
      retryAfterSeconds: fc.double(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.constantFrom(...codes), details, (code, given) => {
      const { status, retryAfterSeconds, body } = toErrorResponse(new ProxyError(code, 'x', given));
      expect(status).toBe(table[code][0]);
      const answer = JSON.parse(body) as Record<string, unknown>;
      expect(answer['error']).toBeTypeOf('string');
      expect(answer['error']).not.toBe('');
      expect(answer['error_description']).toBeTypeOf('string');
      expect(answer['error_description']).not.toBe('');
      expect(body).not.toMatch(/[\r\n]/);
      expect(body).not.toMatch(/unreachable/i);
      expect(body).not.toMatch(/eyJhbGciOi\./);
      expect(body.length).toBeLessThan(60_000);
      if (!code.startsWith('ERR_IDENTITY_NOT')) expect(body).not.toMatch(/identity not found/i);
      if (status === 429 || status === 503) {
        expect(retryAfterSeconds).toSatisfy(Number.isInteger);
        expect(retryAfterSeconds).toBeGreaterThanOrEqual(1);
        expect(retryAfterSeconds).toBeLessThanOrEqual(status === 503 ? 5 : 3_600);
      } else {
        expect(retryAfterSeconds).toBeUndefined();
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a hint follows the description', () => {
  const describe = (
    code: ErrorCode,
    details: ConstructorParameters<typeof ProxyError>[2],
  ): unknown =>
    JSON.parse(toErrorResponse(new ProxyError(code, '', details)).body).error_description;
  expect(describe('ERR_REJECTED', { description: 'AADSTS1: x.', hint: 'Do y.' })).toBe(
    'AADSTS1: x. Hint: Do y.',
  );
  expect(describe('ERR_UNAVAILABLE', { hint: 'Do y.' })).toBe(
    'Microsoft Entra could not be asked for a token. Hint: Do y.',
  );
  expect(describe('ERR_INTERNAL', { description: 'secret', hint: 'secret' })).not.toContain(
    'secret',
  );
});
