import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toIpVersion } from '../../../src/shared/ip-address.ts';

const oracle = (text: string): 4 | 6 | undefined => {
  const version = isIP(text);
  return version === 4 || version === 6 ? version : undefined;
};

describe('the version of an address is what node:net says', () => {
  test.each([
    '127.0.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '256.0.0.1',
    '127.0.0.01',
    '127.1',
    '127.0.0.1.',
    '127.0.0.1.1',
    '0x7f.0.0.1',
    '2130706433',
    '::',
    '::1',
    '1::',
    'fe80::1',
    '::ffff:127.0.0.1',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7::',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    ':::',
    ':1',
    '12345::',
    '[::1]',
    '::1]',
    '::1]/',
    'localhost',
    '',
    ' 127.0.0.1',
    '127.0.0.1\n',
    '::1\n',
  ])('%j', (text) => {
    expect(toIpVersion(text)).toBe(oracle(text));
  });

  test('a zone is refused: it is of no use where we take addresses', () => {
    expect(toIpVersion('fe80::1%eth0')).toBeUndefined();
  });

  test('property: addresses, and texts that are nearly one', () => {
    const nearly = fc.string({ unit: fc.constantFrom(...'0123456789abcdefF:.'), maxLength: 24 });
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), nearly), (text) => {
        expect(toIpVersion(text)).toBe(oracle(text));
      }),
      { numRuns: 2_000 },
    );
  });
});
