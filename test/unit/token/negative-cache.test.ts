import { describe, expect, test } from 'vitest';
import { type ErrorCode, type ErrorDetails, ProxyError } from '../../../src/proxy/errors.ts';
import { toRememberedError, toRememberedMs } from '../../../src/proxy/token/negative-cache.ts';

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

  test('T21: who asks again hears how much of the wait is left, never too little', () => {
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

  test('any other failure is told as it was', () => {
    const error = new ProxyError('ERR_REJECTED', 'no', { aadsts: 700016 });
    expect(toRememberedError(error, 5_000)).toBe(error);
  });
});
