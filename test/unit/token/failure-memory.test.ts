import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ErrorCode, type ErrorDetails, ProxyError } from '../../../src/proxy/errors.ts';
import {
  type FailureFacts,
  toRememberedMs,
  toRetryAfterMs,
  toRetryDelayMs,
  toToldError,
} from '../../../src/proxy/token/failure-memory.ts';

const toError = (code: ErrorCode, details: ErrorDetails = {}): ProxyError =>
  new ProxyError(code, 'scripted', details);

/** The first failure of a key whose token can be served for long. */
const toFacts = (error: ProxyError, facts: Partial<FailureFacts> = {}): FailureFacts => ({
  error,
  failures: 1,
  failingMs: 0,
  servableMs: 24 * 3_600_000,
  random: 0,
  ...facts,
});

describe('pause after a failed background refresh', () => {
  const outage = toError('ERR_UNAVAILABLE');

  test('30 s, doubled up to five minutes', () => {
    const delays = [1, 2, 3, 4, 5, 6, 50].map((failures) =>
      toRetryDelayMs(toFacts(outage, { failures, random: 0.5 })),
    );
    expect(delays).toEqual([30_000, 60_000, 120_000, 240_000, 300_000, 300_000, 300_000]);
  });

  test('20 % of jitter either way', () => {
    const error = toError('ERR_TIMEOUT');
    expect(toRetryDelayMs(toFacts(error))).toBe(24_000);
    expect(toRetryDelayMs(toFacts(error, { random: 0.75 }))).toBe(33_000);
    expect(toRetryDelayMs(toFacts(error, { failures: 9, random: 1 }))).toBe(360_000);
  });

  test.each([
    [600_000, 300_000],
    [400_000, 200_000],
    [120_000, 60_000],
    [50_000, 30_000],
    [0, 30_000],
  ])('with a token that can be served for %i ms: %i ms at most', (servableMs, delayMs) => {
    expect(toRetryDelayMs(toFacts(outage, { failures: 9, servableMs, random: 0.5 }))).toBe(delayMs);
  });

  test('an outage of ten minutes is over before a token of an hour is lost', () => {
    for (const random of [0, 0.5, 0.999]) {
      // The renewal is due at 80 %, and half a minute before the end the token cannot be served any more.
      let servableMs = 11.5 * 60_000;
      let failures = 1;
      for (let passedMs = 0; passedMs < 600_000; failures += 1) {
        const delayMs = toRetryDelayMs(toFacts(outage, { failures, servableMs, random }));
        passedMs += delayMs;
        servableMs -= delayMs;
      }
      expect(servableMs).toBeGreaterThan(0);
    }
  });

  test('T21: a throttled key waits as long as it was told to, an hour at most, and up to half as long again', () => {
    const toDelayMs = (retryAfterSeconds: number, facts: Partial<FailureFacts> = {}): number =>
      toRetryDelayMs(toFacts(toError('ERR_THROTTLED', { retryAfterSeconds }), facts));
    expect(toDelayMs(17)).toBe(17_000);
    expect(toDelayMs(17, { random: 0.5 })).toBe(17_000 * 1.25);
    expect(toDelayMs(90_000)).toBe(3_600_000);
    expect(toDelayMs(900, { failures: 9 })).toBe(900_000);
    expect(toDelayMs(900, { failures: 9, random: 1 })).toBe(1_350_000);
  });

  test('if it is throttled again and again for a second, the waits grow', () => {
    const error = toError('ERR_THROTTLED', { retryAfterSeconds: 1 });
    const delays = [1, 2, 3, 4, 5, 6, 7].map((failures) =>
      toRetryDelayMs(toFacts(error, { failures, random: 0.5 })),
    );
    expect(delays).toEqual([1_250, 30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
  });

  test('a throttle without a time is treated like other failures', () => {
    expect(toRetryDelayMs(toFacts(toError('ERR_THROTTLED'), { random: 0.5 }))).toBe(30_000);
  });

  test('the Retry-After of a 503 makes the wait longer, not shorter', () => {
    const toDelayMs = (retryAfterSeconds: number, random: number): number =>
      toRetryDelayMs(toFacts(toError('ERR_UNAVAILABLE', { retryAfterSeconds }), { random }));
    expect(toDelayMs(600, 0)).toBe(600_000);
    expect(toDelayMs(90_000, 0)).toBe(3_600_000);
    expect(toDelayMs(1, 0.5)).toBe(30_000);
  });

  test.each([undefined, -1, 0, Number.NaN])('a Retry-After of %s is ignored', (seconds) => {
    expect(
      toRetryAfterMs(toError('ERR_THROTTLED', { retryAfterSeconds: seconds })),
    ).toBeUndefined();
  });

  test('property: between 24 s and an hour for every failure but a throttle', () => {
    fc.assert(
      fc.property(
        fc.record({
          failures: fc.integer({ min: 1, max: 2_000 }),
          failingMs: fc.nat(100_000_000),
          servableMs: fc.nat(100_000_000),
          random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        }),
        fc.option(fc.nat(1_000_000), { nil: undefined }),
        (facts, retryAfterSeconds) => {
          const error = toError('ERR_UNAVAILABLE', { retryAfterSeconds });
          const delayMs = toRetryDelayMs({ ...facts, error });
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
    expect(toRememberedMs(toFacts(toError(code, details)))).toBe(rememberedMs);
  });

  test.each<[ErrorCode, number, number]>([
    ['ERR_UNAVAILABLE', 3_900, 1_000],
    ['ERR_UNAVAILABLE', 20_000, 5_000],
    ['ERR_TIMEOUT', 60_000, 15_000],
    ['ERR_INTERNAL', 7_200_000, 30_000],
    ['ERR_ASSERTION', 7_200_000, 1_000],
    ['ERR_REJECTED', 7_200_000, 10_000],
  ])('%s that has lasted %i ms: for %i ms', (code, failingMs, rememberedMs) => {
    expect(toRememberedMs(toFacts(toError(code), { failures: 9, failingMs }))).toBe(rememberedMs);
  });

  test('the pods of a fleet do not come back together', () => {
    const toMs = (code: ErrorCode, details: ErrorDetails = {}): number =>
      toRememberedMs(toFacts(toError(code, details), { random: 1 }));
    expect(toMs('ERR_UNAVAILABLE')).toBe(1_200);
    expect(toMs('ERR_THROTTLED', { retryAfterSeconds: 60 })).toBe(90_000);
  });

  test.each<[ErrorCode, number | undefined, number, number]>([
    ['ERR_THROTTLED', 17, 16_001, 17],
    ['ERR_THROTTLED', 17, 16_000, 16],
    ['ERR_THROTTLED', 17, 20_000, 20],
    ['ERR_THROTTLED', 17, 0.5, 1],
    ['ERR_UNAVAILABLE', undefined, 4_001, 5],
    ['ERR_TIMEOUT', undefined, -1, 1],
    ['ERR_UNAVAILABLE', 60, 1_000, 60],
    ['ERR_UNAVAILABLE', 2, 5_000, 5],
  ])(
    'T21: %s with Retry-After %s, %s ms before it is forgotten: in %i s',
    (code, retryAfterSeconds, remainingMs, toldSeconds) => {
      const error = new ProxyError(code, 'slow down', { retryAfterSeconds, correlationId: 'c' });
      expect(toToldError(error, remainingMs)).toMatchObject({
        code,
        message: 'slow down',
        details: { correlationId: 'c', retryAfterSeconds: toldSeconds },
      });
    },
  );

  test.each<ErrorCode>(['ERR_REJECTED', 'ERR_ASSERTION'])('%s is told unchanged', (code) => {
    const error = toError(code);
    expect(toToldError(error, 5_000)).toBe(error);
  });
});
