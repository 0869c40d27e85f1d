import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IssuedToken } from '../../../src/proxy/exchange.ts';
import { createAgeClock } from '../../../src/proxy/token/age-clock.ts';
import { type HeldToken, toHeldToken, toToldTimes } from '../../../src/proxy/token/held-token.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { toRequest } from './harness.ts';

const HOUR_MS = 3_600_000;

function receive(clock: ManualClock, token: Partial<IssuedToken> = {}): HeldToken {
  const issued = {
    accessToken: 'token',
    expiresInSeconds: 3_600,
    extExpiresInSeconds: 7_200,
    elapsedMs: 0,
    ...token,
  };
  return toHeldToken(
    toRequest(),
    issued,
    createAgeClock(clock, () => {}),
    0,
    0,
  );
}

describe('taking a token in', () => {
  test('its life is counted from when it was asked for', () => {
    const clock = createManualClock();
    const { token, refreshAtMs, receivedAtMs, lifetimeMs } = receive(clock, { elapsedMs: 2_500 });
    const askedAtMs = clock.monotonicMs() - 2_500;
    expect(token.expiresAtMs).toBe(askedAtMs + HOUR_MS);
    expect(refreshAtMs).toBe(askedAtMs + 0.8 * HOUR_MS);
    expect(receivedAtMs).toBe(clock.monotonicMs());
    expect(lifetimeMs).toBe(HOUR_MS);
    expect(token.extExpiresInSeconds).toBe(7_200);
  });

  test('wall-clock seconds are rounded down, so that no life is promised that is not there', () => {
    const clock = createManualClock(1_000_000_999);
    const { token } = receive(clock);
    expect(token.expiresAtSeconds).toBe(1_000_000 + 3_600);
    expect(token.issuedAtSeconds).toBe(1_000_000);
    const { token: slow } = receive(clock, { elapsedMs: 1_500 });
    expect(slow.expiresAtSeconds).toBe(999_999 + 3_600);
  });

  test.each<[string, Partial<IssuedToken>]>([
    ['empty', { accessToken: '' }],
    ['expired on arrival', { expiresInSeconds: 5, elapsedMs: 5_000 }],
    ['of no life', { expiresInSeconds: 0 }],
    ['of negative life', { expiresInSeconds: -1 }],
    ['of a life that is not a number', { expiresInSeconds: Number.NaN }],
    ['of endless life', { expiresInSeconds: Number.POSITIVE_INFINITY }],
    ['of unknown age', { elapsedMs: Number.NaN }],
    ['longer than 64 KiB', { accessToken: 'x'.repeat(65_537) }],
    ['not to be sent in a header', { accessToken: 'a\nb' }],
    ['not a string', { accessToken: 7 as unknown as string }],
    ['of a life in words', { expiresInSeconds: '3600' as unknown as number }],
  ])('T18: a token that is %s is an error and never an answer', (_, token) => {
    expect(() => receive(createManualClock(), token)).toThrow(
      expect.objectContaining({ code: 'ERR_UNAVAILABLE' }),
    );
  });

  test('a negative elapsed time adds no life', () => {
    const clock = createManualClock();
    const { token } = receive(clock, { elapsedMs: -60_000 });
    expect(token.expiresAtMs).toBe(clock.monotonicMs() + HOUR_MS);
  });

  test.each([3e11, 1e12, 2 ** 53 - 1])('a life of %s seconds is cut to 48 hours', (seconds) => {
    const clock = createManualClock();
    const { token } = receive(clock, {
      expiresInSeconds: seconds,
      extExpiresInSeconds: seconds,
      refreshInSeconds: seconds,
    });
    expect(token.expiresAtMs).toBe(clock.monotonicMs() + 48 * HOUR_MS);
    expect(token.extExpiresInSeconds).toBe(48 * 3_600);
  });

  test('no token at all is an error', () => {
    const clock = createManualClock();
    const age = createAgeClock(clock, () => {});
    expect(() => toHeldToken(toRequest(), null as unknown as IssuedToken, age, 0, 0)).toThrow(
      expect.objectContaining({ code: 'ERR_UNAVAILABLE' }),
    );
  });
});

describe('T17: the times that clients are told', () => {
  test('stay the same, to the millisecond, while the wall clock is not set back by more than 1 s', () => {
    const clock = createManualClock();
    const age = createAgeClock(clock, () => {});
    const held = receive(clock);
    for (const stepMs of [-1_000, 1_000, -1_000, 900, -900]) {
      clock.jumpEpoch(stepMs);
      age.nowMs();
      expect(toToldTimes(held, age.wallOffsetMs)).toBe(held);
    }
  });

  test('follow a wall clock that is set back: the same life, in the new time of day', async () => {
    const clock = createManualClock();
    const age = createAgeClock(clock, () => {});
    const held = receive(clock);
    await clock.advance(60_000);
    clock.jumpEpoch(-600_000);
    age.nowMs();
    const after = toToldTimes(held, age.wallOffsetMs);
    expect(after.token.expiresAtMs).toBe(held.token.expiresAtMs);
    expect(after.token.expiresAtSeconds).toBe(clock.epochMs() / 1_000 + 3_540);
    expect(after.token.issuedAtSeconds).toBe(clock.epochMs() / 1_000 - 60);
    expect(after.refreshAtMs).toBe(held.refreshAtMs);
    expect(toToldTimes(after, age.wallOffsetMs)).toBe(after);
  });

  test('do not change when it is set forward: the token has aged by that', async () => {
    const clock = createManualClock();
    const age = createAgeClock(clock, () => {});
    const held = receive(clock);
    await clock.advance(60_000);
    clock.jumpEpoch(600_000);
    expect(held.expiresAtMs - age.nowMs()).toBe(HOUR_MS - 660_000);
    expect(toToldTimes(held, age.wallOffsetMs)).toBe(held);
  });

  test('property: after any steps both clocks tell the same remaining life, and no step adds to it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -7_200_000, max: 7_200_000 })), (steps) => {
        const clock = createManualClock();
        const age = createAgeClock(clock, () => {});
        let held = receive(clock);
        let leftMs = HOUR_MS;
        for (const stepMs of steps) {
          clock.jumpEpoch(stepMs);
          const nextMs = held.expiresAtMs - age.nowMs();
          expect(nextMs).toBeLessThanOrEqual(leftMs);
          leftMs = nextMs;
          held = toToldTimes(held, age.wallOffsetMs);
          const byWallMs = held.token.expiresAtSeconds * 1_000 - clock.epochMs();
          expect(byWallMs).toBeLessThanOrEqual(leftMs + 1_000);
          // A step forward of less than a second that was taken back has aged the token all the same.
          expect(byWallMs).toBeGreaterThanOrEqual(leftMs - 1_000);
        }
      }),
    );
  });
});
