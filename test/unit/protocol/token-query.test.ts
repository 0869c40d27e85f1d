import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProxyError } from '../../../src/proxy/errors.ts';
import { parseTokenQuery } from '../../../src/proxy/protocol/imds.ts';
import { parseQuery } from '../../../src/proxy/protocol/token-query.ts';

const version = 'api-version=2018-02-01';

/** The code of the error that a call throws, `none` without one. */
function codeOf(call: () => unknown): string {
  try {
    call();
    return 'none';
  } catch (error) {
    if (error instanceof ProxyError) return error.code;
    throw error;
  }
}

test('any names and values survive an encoder of the platform and our decoder', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 30 });
  fc.assert(
    fc.property(fc.dictionary(text, text), (values) => {
      const encoded = new URLSearchParams(values).toString();
      expect(Object.fromEntries(parseQuery(encoded))).toEqual(values);
      const percentEncoded = Object.entries(values)
        .map((pair) => pair.map(encodeURIComponent).join('='))
        .join('&');
      expect(Object.fromEntries(parseQuery(percentEncoded))).toEqual(values);
    }),
  );
});

test('whatever comes as a query, the answer is values or an error of the closed set', () => {
  const allowed = new Set([
    'none',
    'ERR_MALFORMED_QUERY',
    'ERR_DUPLICATE_QUERY',
    'ERR_API_VERSION',
    'ERR_SELECTOR_NAME',
    'ERR_RESOURCE_MISSING',
    'ERR_RESOURCE_INVALID',
  ]);
  const piece = fc.oneof(
    fc.constantFrom('&', '=', '%', '+', '%20', '%zz', 'resource', 'client_id', 'objectid', version),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      for (const query of [pieces.join(''), `${version}&${pieces.join('')}`]) {
        expect(allowed).toContain(codeOf(() => parseTokenQuery(query)));
      }
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['', 'ERR_API_VERSION'],
  ['resource=x', 'ERR_API_VERSION'],
  ['api-version=2018-02-01', 'ERR_RESOURCE_MISSING'],
  ['api-version=2018-01-31&resource=x', 'ERR_API_VERSION'],
  ['api-version=2018-2-1&resource=x', 'ERR_API_VERSION'],
  ['api-version=9999-12-31&resource=x', 'none'],
  ['api-version=2020-02-32&resource=x', 'ERR_API_VERSION'],
  ['api-version=%202020-02-02&resource=x', 'ERR_API_VERSION'],
  ['API-VERSION=2018-02-01&resource=x', 'ERR_API_VERSION'],
  [`${version}&resource=x&resource=x`, 'ERR_DUPLICATE_QUERY'],
  [`${version}&resource=x&foo=1&f%6fo=2`, 'ERR_DUPLICATE_QUERY'],
  [`${version}&resource=x&&`, 'none'],
  [`${version}&resource=x&=`, 'none'],
  [`${version}&resource=x#y`, 'ERR_MALFORMED_QUERY'],
  [`${version}&resource=x\u00e9`, 'ERR_MALFORMED_QUERY'],
  [`${version}&resource=%E9`, 'ERR_MALFORMED_QUERY'],
])('%s → %s', (query, code) => {
  expect(codeOf(() => parseTokenQuery(query))).toBe(code);
});

test.each([
  ['a+b', 'ERR_RESOURCE_INVALID'],
  ['a%20b', 'ERR_RESOURCE_INVALID'],
  ['+', 'ERR_RESOURCE_INVALID'],
  ['a%09b', 'ERR_RESOURCE_INVALID'],
  ['a%0D%0Ab', 'ERR_RESOURCE_INVALID'],
  ['a%00', 'ERR_RESOURCE_INVALID'],
  ['a%7F', 'ERR_RESOURCE_INVALID'],
  ['a%C2%85', 'ERR_RESOURCE_INVALID'],
  ['a%C2%A0b', 'ERR_RESOURCE_INVALID'],
  ['a%E2%80%A8b', 'ERR_RESOURCE_INVALID'],
  ['a%E2%80%8Bb', 'ERR_RESOURCE_INVALID'],
  ['x'.repeat(2_049), 'ERR_RESOURCE_INVALID'],
  ['x'.repeat(2_048), 'none'],
  ['', 'ERR_RESOURCE_MISSING'],
])('T11: resource %s → %s', (resource, code) => {
  expect(codeOf(() => parseTokenQuery(`${version}&resource=${resource}`))).toBe(code);
});

test('T11: a resource is decoded once and never changed', () => {
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (resource) => {
      const query = `${version}&resource=${encodeURIComponent(resource)}`;
      expect(parseTokenQuery(query).resource).toBe(resource);
    }),
  );
});

test('selectors keep their order, empty ones are absent', () => {
  const { selectors } = parseTokenQuery(`object_id=1&${version}&client_id=&resource=x&mi_res_id=2`);
  expect(selectors).toEqual([
    { name: 'object_id', value: '1' },
    { name: 'mi_res_id', value: '2' },
  ]);
});

test.each([
  ['resource_id', 'msi_res_id'],
  ['RESOURCEID', 'msi_res_id'],
  ['principal_id', 'object_id'],
  ['Client_Id', 'client_id'],
  ['mi.res.id', 'mi_res_id'],
  ['msi_resource_id', 'msi_res_id'],
  ['client_id[]', 'client_id'],
  ['client_id%5B0%5D', 'client_id'],
  ['client_id%20', 'client_id'],
  ['+client_id', 'client_id'],
  ['client%20id', 'client_id'],
  ['client_id%00', 'client_id'],
  ['client_id%E2%80%8B', 'client_id'],
  ['?client_id', 'client_id'],
  ['amp;client_id', 'client_id'],
  ['amp;amp;object_id', 'object_id'],
  ['amp%3Bmi_res_id', 'mi_res_id'],
  ['app_id', 'client_id'],
  ['azure_client_id', 'client_id'],
  ['uami_client_id', 'client_id'],
  ['managedIdentityClientId', 'client_id'],
  ['userAssignedClientId', 'client_id'],
  ['userAssignedIdentityClientId', 'client_id'],
  ['user_assigned_object_id', 'object_id'],
  ['userAssignedPrincipalId', 'object_id'],
  ['userAssignedResourceId', 'msi_res_id'],
  ['user-assigned-identity', 'msi_res_id'],
  ['managedIdentityId', 'msi_res_id'],
])('a value under %s is refused in favour of %s, an empty one counts as absent', (name, right) => {
  expect(() => parseTokenQuery(`${version}&resource=x&${name}=1`)).toThrow(
    expect.objectContaining({
      code: 'ERR_SELECTOR_NAME',
      details: { description: expect.stringContaining(`use '${right}'`) },
    }),
  );
  expect(codeOf(() => parseTokenQuery(`${version}&resource=x&${name}=`))).toBe('none');
});

test.each([
  'foo',
  'id',
  'client',
  'authority',
  'xms_cc',
  'bypass_cache',
  'token_sha256_to_refresh',
  'x-client-SKU',
  'x-client-OS',
  'x-client-id',
  'client-request-id',
  'client_info',
  'tenant_id',
  'amp;foo',
])('a value under %s is of no meaning and accepted', (name) => {
  expect(parseTokenQuery(`${version}&resource=x&${name}=1`).selectors).toEqual([]);
});

test.each([
  ['true', true],
  ['TRUE', true],
  ['false', false],
  ['1', false],
  ['', false],
])('bypass_cache=%s is %s', (value, bypassCache) => {
  const query = `${version}&resource=x&bypass_cache=${value}`;
  expect(parseTokenQuery(query).bypassCache).toBe(bypassCache);
});
