import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ErrorCode, type ErrorDetails, ProxyError } from '../../../src/proxy/errors.ts';
import {
  toRememberedError,
  toRememberedMs,
  toRetryAfterMs,
  toRetryDelayMs,
} from '../../../src/proxy/token/failure-memory.ts';

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
    expect(toRetryDelayMs(toError('ERR_THROTTLED', 17), 1, 0.9)).toBe(17_000);
    expect(toRetryDelayMs(toError('ERR_THROTTLED', 90_000), 1, 0)).toBe(3_600_000);
    expect(toRetryDelayMs(toError('ERR_THROTTLED', 900), 9, 0.9)).toBe(900_000);
  });

  test('if it is throttled again and again for a second, the waits grow', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7].map((failures) =>
      toRetryDelayMs(toError('ERR_THROTTLED', 1), failures, 0.5),
    );
    expect(delays).toEqual([1_000, 30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
  });

  test('a throttle without a time is treated like other failures', () => {
    expect(toRetryDelayMs(toError('ERR_THROTTLED'), 1, 0.5)).toBe(30_000);
  });

  test('the Retry-After of a 503 makes the wait longer, not shorter', () => {
    expect(toRetryDelayMs(toError('ERR_UNAVAILABLE', 600), 1, 0)).toBe(600_000);
    expect(toRetryDelayMs(toError('ERR_UNAVAILABLE', 90_000), 1, 0)).toBe(3_600_000);
    expect(toRetryDelayMs(toError('ERR_UNAVAILABLE', 1), 1, 0.5)).toBe(30_000);
  });

  test.each([undefined, -1, 0, Number.NaN])('a Retry-After of %s is ignored', (seconds) => {
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

describe('how long a failure is remembered', () => {
  test.each<[string, ErrorCode, ErrorDetails, number]>([
    ['a refusal', 'ERR_REJECTED', { aadsts: 700016 }, 10_000],
    ['a refusal without number', 'ERR_REJECTED', {}, 10_000],
    ...[70021, 700211, 700212, 700213, 70025].map(
      (aadsts): [string, ErrorCode, ErrorDetails, number] => [
        `a federation that may be on its way (${aadsts})`,
        'ERR_REJECTED',
        { aadsts },
        5_000,
      ],
    ),
    ['a throttle', 'ERR_THROTTLED', { retryAfterSeconds: 17 }, 17_000],
    ['a throttle of a day', 'ERR_THROTTLED', { retryAfterSeconds: 86_400 }, 3_600_000],
    ['a throttle that names no time', 'ERR_THROTTLED', {}, 10_000],
    ['an outage', 'ERR_UNAVAILABLE', {}, 1_000],
    ['an outage with a wish', 'ERR_UNAVAILABLE', { retryAfterSeconds: 60 }, 1_000],
    ['silence', 'ERR_TIMEOUT', {}, 1_000],
    ['a missing assertion', 'ERR_ASSERTION', {}, 1_000],
    ['our own fault', 'ERR_INTERNAL', {}, 1_000],
    ['the end of the process', 'ERR_SHUTTING_DOWN', {}, 0],
  ])('%s', (_, code, details, rememberedMs) => {
    expect(toRememberedMs(new ProxyError(code, 'scripted', details))).toBe(rememberedMs);
  });

  test('T21: a caller who asks again is told how much of the wait is left, rounded up', () => {
    const error = new ProxyError('ERR_THROTTLED', 'slow down', {
      retryAfterSeconds: 17,
      correlationId: 'c',
    });
    const retryAfter = (remainingMs: number): number | undefined =>
      toRememberedError(error, remainingMs).details.retryAfterSeconds;
    expect([16_001, 16_000, 1, 0.5].map(retryAfter)).toEqual([17, 16, 1, 1]);
    expect(toRememberedError(error, 5_000)).toMatchObject({
      code: 'ERR_THROTTLED',
      message: 'slow down',
      details: { correlationId: 'c' },
    });
  });

  test('any other failure is told unchanged', () => {
    const error = new ProxyError('ERR_REJECTED', 'no', { aadsts: 700016 });
    expect(toRememberedError(error, 5_000)).toBe(error);
  });
});
