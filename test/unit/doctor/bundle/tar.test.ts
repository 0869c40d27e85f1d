import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toTar } from '../../../../src/doctor/bundle/tar.ts';

const run = (args: readonly string[], input: Buffer): Buffer =>
  execFileSync('tar', [...args], { input });

test('tar lists and unpacks the files as they went in', () => {
  const size = fc.oneof(fc.constantFrom(0, 1, 511, 512, 513, 1024), fc.nat(3000));
  fc.assert(
    fc.property(fc.array(size, { minLength: 1, maxLength: 3 }), (sizes) => {
      const entries = sizes.map((bytes, index) => ({
        name: `proxy-doctor/${index}.txt`,
        content: Buffer.alloc(bytes, `${index}`),
      }));
      const archive = toTar(entries, 1_700_000_000);
      for (const { name, content } of entries) {
        expect(run(['-xOf', '-', name], archive).equals(content)).toBe(true);
      }
    }),
    { numRuns: 20 },
  );
});

test('shows owner, mode and time', () => {
  const archive = toTar([{ name: 'a', content: Buffer.from('x') }], 1_700_000_000);
  const listing = run(['--utc', '--full-time', '-tvf', '-'], archive).toString();
  expect(listing).toMatch(/^-rw------- 0\/0 +1 2023-11-14 22:13:20 a\n$/);
});

test('a name that does not fit is refused', () => {
  const entry = { name: 'x'.repeat(101), content: Buffer.alloc(0) };
  expect(() => toTar([entry], 0)).toThrow('100 bytes');
});
