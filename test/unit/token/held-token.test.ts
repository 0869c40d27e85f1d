import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IssuedToken } from '../../../src/proxy/exchange.ts';
import { followClocks, type HeldToken, toHeldToken } from '../../../src/proxy/token/held-token.ts';
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
  return toHeldToken(toRequest(), issued, clock, clock.epochMs() - clock.monotonicMs(), 0);
}

const follow = (held: HeldToken, clock: ManualClock): HeldToken =>
  followClocks(held, clock.epochMs(), clock.monotonicMs());

describe('taking a token in', () => {
  test('its life is counted from when it was asked for', () => {
    const clock = createManualClock();
    const { token, refreshAtMs, receivedAtMs, lifetimeMs } = receive(clock, { elapsedMs: 2_500 });
    const askedAtMs = clock.monotonicMs() - 2_500;
    expect(token.expiresAtMonotonicMs).toBe(askedAtMs + HOUR_MS);
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
    ['of a life that is no number', { expiresInSeconds: Number.NaN }],
    ['of endless life', { expiresInSeconds: Number.POSITIVE_INFINITY }],
    ['of unknown age', { elapsedMs: Number.NaN }],
  ])('T18: a token that is %s is an error and never an answer', (_, token) => {
    expect(() => receive(createManualClock(), token)).toThrow(
      expect.objectContaining({ code: 'ERR_UNAVAILABLE' }),
    );
  });

  test('a negative time on the way adds no life', () => {
    const clock = createManualClock();
    const { token } = receive(clock, { elapsedMs: -60_000 });
    expect(token.expiresAtMonotonicMs).toBe(clock.monotonicMs() + HOUR_MS);
  });

  test('a machine that slept during the exchange has an older token', () => {
    const clock = createManualClock();
    const askedOffsetMs = clock.epochMs() - clock.monotonicMs();
    clock.jumpEpoch(600_000);
    const issued = {
      accessToken: 'token',
      expiresInSeconds: 3_600,
      extExpiresInSeconds: 3_600,
      elapsedMs: 100,
    };
    const { token } = toHeldToken(toRequest(), issued, clock, askedOffsetMs, 0);
    expect(token.expiresAtMonotonicMs).toBe(clock.monotonicMs() + HOUR_MS - 600_100);
    expect(() =>
      toHeldToken(toRequest(), { ...issued, expiresInSeconds: 600 }, clock, askedOffsetMs, 0),
    ).toThrow(expect.objectContaining({ code: 'ERR_UNAVAILABLE' }));
  });
});

describe('T17: when the wall clock jumps', () => {
  test.each([0, 30_000, -30_000])('by %s ms: nothing changes', (jumpMs) => {
    const clock = createManualClock();
    const held = receive(clock);
    clock.jumpEpoch(jumpMs);
    expect(follow(held, clock)).toBe(held);
  });

  test('back: the same life, told in the new time of day', async () => {
    const clock = createManualClock();
    const held = receive(clock);
    await clock.advance(60_000);
    clock.jumpEpoch(-600_000);
    const after = follow(held, clock);
    expect(after.token.expiresAtMonotonicMs).toBe(held.token.expiresAtMonotonicMs);
    expect(after.token.expiresAtSeconds).toBe(clock.epochMs() / 1_000 + 3_540);
    expect(after.token.issuedAtSeconds).toBe(clock.epochMs() / 1_000 - 60);
    expect(after.refreshAtMs).toBe(held.refreshAtMs);
    expect(follow(after, clock)).toBe(after);
  });

  test('forward, perhaps a suspended machine: the token has aged by the jump', async () => {
    const clock = createManualClock();
    const held = receive(clock);
    await clock.advance(60_000);
    clock.jumpEpoch(600_000);
    const after = follow(held, clock);
    expect(after.token.expiresAtSeconds).toBe(held.token.expiresAtSeconds);
    expect(after.token.expiresAtMonotonicMs).toBe(held.token.expiresAtMonotonicMs - 600_000);
    expect(after.refreshAtMs).toBe(held.refreshAtMs - 600_000);
    expect(after.receivedAtMs).toBe(held.receivedAtMs - 600_000);
    expect(follow(after, clock)).toBe(after);
  });

  test('property: after any jumps both clocks tell the same remaining life, and no jump adds to it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -7_200_000, max: 7_200_000 })), (jumps) => {
        const clock = createManualClock();
        let held = receive(clock);
        for (const jumpMs of jumps) {
          clock.jumpEpoch(jumpMs);
          const next = follow(held, clock);
          expect(next.token.expiresAtMonotonicMs).toBeLessThanOrEqual(
            held.token.expiresAtMonotonicMs,
          );
          held = next;
          const byMonotonicMs = held.token.expiresAtMonotonicMs - clock.monotonicMs();
          const byWallMs = held.token.expiresAtSeconds * 1_000 - clock.epochMs();
          expect(Math.abs(byMonotonicMs - byWallMs)).toBeLessThanOrEqual(31_000);
        }
      }),
    );
  });
});
