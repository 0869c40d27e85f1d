import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ErrorCode, ProxyError } from '../../../src/proxy/errors.ts';
import { toRetryAfterMs, toRetryDelayMs } from '../../../src/proxy/token/backoff.ts';

const toError = (code: ErrorCode, retryAfterSeconds?: number): ProxyError =>
  new ProxyError(code, 'scripted', { retryAfterSeconds });

describe('pause after a failed background refresh', () => {
  test('30 s, doubled up to five minutes', () => {
    const error = toError('ERR_UNAVAILABLE');
    const delays = [1, 2, 3, 4, 5, 6, 50].map((failures) => toRetryDelayMs(error, failures, 0.5));
    expect(delays).toEqual([30_000, 60_000, 120_000, 240_000, 300_000, 300_000, 300_000]);
  });

  test('20 % of jitter either way', () => {
    const error = toError('ERR_TIMEOUT');
    expect(toRetryDelayMs(error, 1, 0)).toBe(24_000);
    expect(toRetryDelayMs(error, 1, 0.75)).toBe(33_000);
    expect(toRetryDelayMs(error, 9, 1)).toBe(360_000);
  });

  test('T21: a throttled key waits exactly as long as it was told to, an hour at most', () => {
    expect(toRetryDelayMs(toError('ERR_THROTTLED', 17), 1, 0)).toBe(17_000);
    expect(toRetryDelayMs(toError('ERR_THROTTLED', 17), 9, 0.9)).toBe(17_000);
    expect(toRetryDelayMs(toError('ERR_THROTTLED', 90_000), 1, 0)).toBe(3_600_000);
  });

  test('a throttle that names no time is a failure like others', () => {
    expect(toRetryDelayMs(toError('ERR_THROTTLED'), 1, 0.5)).toBe(30_000);
  });

  test('the Retry-After of a 503 lengthens the pause but does not turn it into polling', () => {
    expect(toRetryDelayMs(toError('ERR_UNAVAILABLE', 600), 1, 0)).toBe(600_000);
    expect(toRetryDelayMs(toError('ERR_UNAVAILABLE', 90_000), 1, 0)).toBe(3_600_000);
    expect(toRetryDelayMs(toError('ERR_UNAVAILABLE', 1), 1, 0.5)).toBe(30_000);
  });

  test.each([undefined, -1, Number.NaN])('a Retry-After of %s is none', (seconds) => {
    expect(toRetryAfterMs(toError('ERR_THROTTLED', seconds))).toBeUndefined();
  });

  test('property: between 24 s and an hour for every failure but a throttle', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.option(fc.nat(1_000_000), { nil: undefined }),
        (failures, random, retryAfter) => {
          const delayMs = toRetryDelayMs(toError('ERR_UNAVAILABLE', retryAfter), failures, random);
          expect(delayMs).toBeGreaterThanOrEqual(24_000);
          expect(delayMs).toBeLessThanOrEqual(3_600_000);
        },
      ),
    );
  });
});
