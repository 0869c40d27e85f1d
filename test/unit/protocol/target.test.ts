import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTarget } from '../../../src/proxy/protocol/target.ts';

test.each([
  ['/a/b?c=d', { authority: undefined, path: '/a/b', query: 'c=d' }],
  ['/a/b', { authority: undefined, path: '/a/b', query: '' }],
  ['/a?', { authority: undefined, path: '/a', query: '' }],
  ['/a?b?c', { authority: undefined, path: '/a', query: 'b?c' }],
  ['http://h:1/a?b', { authority: 'h:1', path: '/a', query: 'b' }],
  ['HTTPS://h?b', { authority: 'h', path: '', query: 'b' }],
  ['http:///a', { authority: '', path: '/a', query: '' }],
  ['http://u:p@h/a', { authority: 'u:p@h', path: '/a', query: '' }],
  ['//h/a', { authority: undefined, path: '//h/a', query: '' }],
  ['*', { authority: undefined, path: '*', query: '' }],
  ['', { authority: undefined, path: '', query: '' }],
])('%s', (target, parts) => {
  expect(parseTarget(target)).toEqual(parts);
});

test('nothing of an origin-form target is lost', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii' }), (rest) => {
      const { authority, path, query } = parseTarget(`/${rest}`);
      expect(authority).toBeUndefined();
      expect(rest.includes('?') ? `${path}?${query}` : path).toBe(`/${rest}`);
    }),
  );
});
