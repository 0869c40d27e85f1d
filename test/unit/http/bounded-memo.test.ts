import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBoundedMemo } from '../../../src/proxy/http/token-handler.ts';

test('T23: whatever is put in, it holds the last entries and never more than its bound', () => {
  const key = fc.string({ minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(key), fc.integer({ min: 1, max: 5 }), (keys, maxEntries) => {
      const memo = createBoundedMemo<number>({ maxEntries, maxKeyLength: 5 });
      for (const [index, one] of keys.entries()) {
        memo.set(one, index);
        expect(memo.size).toBeLessThanOrEqual(maxEntries);
        expect(memo.get(one)).toBe(one.length > 5 ? undefined : index);
      }
    }),
  );
});
