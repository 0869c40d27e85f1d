import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { isSameSecret } from '../../../src/proxy/http/app-service-handler.ts';

test('agrees with === on any two texts, and on texts that differ in one place', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, text, fc.nat(), (one, other, place) => {
      expect(isSameSecret(one, other)).toBe(one === other);
      expect(isSameSecret(one, one)).toBe(true);
      expect(isSameSecret(`${one}x`, one)).toBe(false);
      expect(isSameSecret(one, `${one}x`)).toBe(false);
      // A NUL counts as 0, like a missing character.
      expect(isSameSecret(`${one}\0`, one)).toBe(false);
      if (one === '') return;
      const at = place % one.length;
      const changed = `${one.slice(0, at)}${one[at] === 'x' ? 'y' : 'x'}${one.slice(at + 1)}`;
      expect(isSameSecret(changed, one)).toBe(false);
    }),
    { numRuns: 1_000 },
  );
});

test('looks at as many characters wherever the first difference is', () => {
  const secret = '0123456789abcdef0123456789abcdef';
  const read = vi.spyOn(String.prototype, 'charCodeAt');
  const reads = [...secret].map((_, at) => {
    const before = read.mock.calls.length;
    isSameSecret(`${secret.slice(0, at)}x${secret.slice(at + 1)}`, secret);
    return read.mock.calls.length - before;
  });
  read.mockRestore();
  expect(new Set(reads)).toEqual(new Set([2 * secret.length]));
});
