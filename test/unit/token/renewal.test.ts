import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Freshness, toFreshness, toRefreshDelayMs } from '../../../src/proxy/token/renewal.ts';

const S = 1_000;
const MIN = 60 * S;
const H = 60 * MIN;

describe('when to refresh', () => {
  test.each([
    ['an hour: at 80 %', H, undefined, 48 * MIN],
    ['two hours: still 80 %', 2 * H, undefined, 96 * MIN],
    ['a day: at half, before clients that do the same', 24 * H, undefined, 12 * H],
    ['refresh_in, where it comes first', 24 * H, 3 * H, 3 * H],
    ['refresh_in later than half of a long life', 24 * H, 23 * H, 12 * H],
    ['refresh_in later than 80 %', H, 50 * MIN, 48 * MIN],
    ['refresh_in of no use: zero', 24 * H, 0, 12 * H],
    ['refresh_in of no use: so small that it would loop', 24 * H, 29 * S, 12 * H],
    ['refresh_in of no use: not before expiry', 24 * H, 24 * H, 12 * H],
    ['refresh_in of half an hour: callers still get ten minutes', 30 * MIN, 25 * MIN, 20 * MIN],
    ['half an hour: ten minutes before the end, not at 80 %', 30 * MIN, undefined, 20 * MIN],
    ['ten minutes: at half, for a new one is as short', 10 * MIN, undefined, 5 * MIN],
    ['a minute', MIN, undefined, 30 * S],
  ])('%s', (_, lifetimeMs, refreshInMs, delayMs) => {
    expect(toRefreshDelayMs(lifetimeMs, refreshInMs, 0)).toBe(delayMs);
  });

  test('jitter takes 15 % at most, and an hour at most', () => {
    expect(toRefreshDelayMs(H, undefined, 1)).toBe(48 * MIN * 0.85);
    expect(toRefreshDelayMs(24 * H, undefined, 1)).toBe(11 * H);
  });

  const lifetime = fc.integer({ min: 1, max: 48 * 3_600 }).map((seconds) => seconds * S);
  const refreshIn = fc.option(
    fc.integer({ min: -10, max: 48 * 3_600 }).map((seconds) => seconds * S),
    { nil: undefined },
  );
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test('property: jitter only ever makes it earlier, and never by more than its share', () => {
    fc.assert(
      fc.property(lifetime, refreshIn, random, (lifetimeMs, refreshInMs, jitter) => {
        const plain = toRefreshDelayMs(lifetimeMs, refreshInMs, 0);
        const jittered = toRefreshDelayMs(lifetimeMs, refreshInMs, jitter);
        expect(jittered).toBeLessThanOrEqual(plain);
        expect(jittered).toBeGreaterThanOrEqual(plain - Math.min(plain * 0.15, H));
      }),
      { numRuns: 2_000 },
    );
  });

  test('property: never later than refresh_in, nor than 80 % of life, nor than half of a long one', () => {
    fc.assert(
      fc.property(lifetime, refreshIn, random, (lifetimeMs, refreshInMs, jitter) => {
        const delayMs = toRefreshDelayMs(lifetimeMs, refreshInMs, jitter);
        const isNamed = refreshInMs !== undefined && refreshInMs >= 30 * S;
        expect(delayMs).toBeGreaterThan(0);
        expect(delayMs).toBeLessThanOrEqual(isNamed ? refreshInMs : lifetimeMs);
        expect(delayMs).toBeLessThanOrEqual(lifetimeMs * (lifetimeMs > 2 * H ? 0.5 : 0.8));
      }),
      { numRuns: 2_000 },
    );
  });

  test('property: a token that lives twenty minutes or more is refreshed while callers get ten', () => {
    fc.assert(
      fc.property(lifetime, refreshIn, random, (lifetimeMs, refreshInMs, jitter) => {
        fc.pre(lifetimeMs >= 20 * MIN);
        const delayMs = toRefreshDelayMs(lifetimeMs, refreshInMs, jitter);
        expect(lifetimeMs - delayMs).toBeGreaterThanOrEqual(10 * MIN);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what may be done with a token', () => {
  const order: readonly Freshness[] = [
    'fresh',
    'stale-while-refresh',
    'wait-for-refresh',
    'expired',
  ];

  test.each<[string, number, Freshness]>([
    ['just received', 0, 'fresh'],
    ['a moment before its refresh', 48 * MIN - 1, 'fresh'],
    ['at its refresh', 48 * MIN, 'stale-while-refresh'],
    ['5 min 30 s left', 54 * MIN + 30 * S, 'stale-while-refresh'],
    ['a moment less', 54 * MIN + 30 * S + 1, 'wait-for-refresh'],
    ['30 s left', 60 * MIN - 30 * S, 'wait-for-refresh'],
    ['a moment less than 30 s', 60 * MIN - 30 * S + 1, 'expired'],
    ['at its expiry', 60 * MIN, 'expired'],
  ])('a token of an hour, %s', (_, nowMs, freshness) => {
    expect(toFreshness({ refreshAtMs: 48 * MIN, expiresAtMs: 60 * MIN }, nowMs)).toBe(freshness);
  });

  const instant = fc.integer({ min: 0, max: 100_000_000 });

  test('T17 property: under 30 s of life a token is expired, whatever its refresh', () => {
    fc.assert(
      fc.property(
        instant,
        instant,
        fc.integer({ max: 30 * S - 1 }),
        (refreshAtMs, expiresAtMs, r) => {
          expect(toFreshness({ refreshAtMs, expiresAtMs }, expiresAtMs - r)).toBe('expired');
        },
      ),
      { numRuns: 1_000 },
    );
    expect(toFreshness({ refreshAtMs: 0, expiresAtMs: Number.NaN }, 0)).toBe('expired');
  });

  test('property: as time passes, freshness only goes down', () => {
    fc.assert(
      fc.property(instant, instant, instant, instant, (refreshAtMs, expiresAtMs, a, b) => {
        const earlier = toFreshness({ refreshAtMs, expiresAtMs }, Math.min(a, b));
        const later = toFreshness({ refreshAtMs, expiresAtMs }, Math.max(a, b));
        expect(order.indexOf(later)).toBeGreaterThanOrEqual(order.indexOf(earlier));
      }),
      { numRuns: 2_000 },
    );
  });

  test('property: nobody waits while 5 min 30 s are left', () => {
    fc.assert(
      fc.property(
        instant,
        instant,
        fc.integer({ min: 330 * S, max: H }),
        (refreshAtMs, expiresAtMs, r) => {
          expect(['fresh', 'stale-while-refresh']).toContain(
            toFreshness({ refreshAtMs, expiresAtMs }, expiresAtMs - r),
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
