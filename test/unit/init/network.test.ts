import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressIn,
  formatNetwork,
  formatRange,
  isInNetwork,
  parseNetwork,
  parseRange,
} from '../../../src/init/rules/network.ts';

const octets = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 255 })));

describe('networks', () => {
  it('clears the bits behind the prefix, as the kernel does', () => {
    expect(parseNetwork('169.254.169.254/16')).toEqual({ address: '169.254.0.0', prefix: 16 });
    expect(parseNetwork('255.255.255.255/1')).toEqual({ address: '128.0.0.0', prefix: 1 });
    expect(parseNetwork('1.2.3.4/0')).toEqual({ address: '0.0.0.0', prefix: 0 });
    expect(parseNetwork('1.2.3.4')).toEqual({ address: '1.2.3.4', prefix: 32 });
  });

  it.each(['', '1.2.3', '1.2.3.4/', '1.2.3.4/33', '1.2.3.4/-1', '1.2.3.4/8/8', '01.2.3.4', '::1'])(
    'refuses %j',
    (text) => {
      expect(parseNetwork(text)).toBeUndefined();
    },
  );

  it('holds every address that it was made from, and reads back as written', () => {
    fc.assert(
      fc.property(octets, fc.integer({ min: 0, max: 32 }), (parts, prefix) => {
        const address = parts.join('.');
        const network = parseNetwork(`${address}/${prefix}`);
        expect(network).toBeDefined();
        if (network === undefined) return;
        expect(isInNetwork(address, network)).toBe(true);
        expect(parseNetwork(formatNetwork(network))).toEqual(network);
      }),
    );
  });

  it('tells outside from inside', () => {
    const network = { address: '10.16.0.0', prefix: 12 };
    expect(isInNetwork('10.31.255.255', network)).toBe(true);
    expect(isInNetwork('10.32.0.0', network)).toBe(false);
    expect(isInNetwork('10.15.255.255', network)).toBe(false);
    expect(addressIn(network, 1)).toBe('10.16.0.1');
  });
});

describe('ranges', () => {
  it('read back as written', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (a, b) => {
        const range = { from: Math.min(a, b), to: Math.max(a, b) };
        expect(parseRange(formatRange(range, ':'), ':')).toEqual(range);
        expect(parseRange(formatRange(range, '-'), '-')).toEqual(range);
      }),
    );
  });

  it.each(['', '-', '1-', '-1', '2-1', '1-2-3', '01', '1e3', '0x10', ' 1', '12345678901'])(
    'refuses %j',
    (text) => {
      expect(parseRange(text, '-')).toBeUndefined();
    },
  );
});
