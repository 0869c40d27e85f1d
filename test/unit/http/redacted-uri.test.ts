import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toRedactedUri } from '../../../src/proxy/http/redacted-uri.ts';

test.each([
  ['/metadata/identity/oauth2/token', '/metadata/identity/oauth2/token'],
  [
    '/t?api-version=2018-02-01&resource=https%3A%2F%2Fx&client_id=1&object_id=2&msi_res_id=3&mi_res_id=4',
    '/t?api-version=2018-02-01&resource=***&client_id=***&object_id=***&msi_res_id=***&mi_res_id=***',
  ],
  [
    '/t?bypass_cache=true&format=json&cred-api-version=2.0',
    '/t?bypass_cache=true&format=json&cred-api-version=2.0',
  ],
  ['/t?api-version=something-else', '/t?api-version=***'],
  ['/t?foo', '/t?foo'],
  ['/t?foo=bar', '/t?foo=***'],
  ['/t?%66oo=bar', '/t?***=***'],
  ['http://user:password@h/t?x=y', '/t?x=***'],
  ['/eyJhbGciOi.eyJzdWIi.c2ln', '/***'],
  [`/${'a'.repeat(500)}`, `/${'a'.repeat(127)}***`],
])('%s', (target, shown) => {
  expect(toRedactedUri(target)).toBe(shown);
});

test('the value of a selector or a resource is never shown, and the length is bounded', () => {
  const value = fc.stringMatching(/^[\w%.~/:-]{8,40}$/);
  const name = fc.constantFrom(
    'client_id',
    'object_id',
    'msi_res_id',
    'mi_res_id',
    'resource',
    'x',
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { minLength: 1 }), (pairs) => {
      const query = pairs.map((pair) => pair.join('=')).join('&');
      const shown = toRedactedUri(`/metadata/identity/oauth2/token?${query}`);
      for (const [, hidden] of pairs) expect(shown).not.toContain(hidden);
      expect(shown.length).toBeLessThan(10_000);
    }),
  );
});
