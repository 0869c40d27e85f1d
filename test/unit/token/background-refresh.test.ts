import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/proxy/clock.ts';
import { createTimer } from '../../../src/proxy/token/refresh-schedule.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createHarness, HOUR_S, toRequest } from './harness.ts';

const MIN = 60_000;
const HOUR_MS = 60 * MIN;
const REFRESH_AT = 48 * MIN;

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `https://resource-${index}`);

describe('refresh without traffic', () => {
  test('a key that was used within the last lifetime is refreshed; another one is forgotten', async () => {
    const { clock, source, fill, calls, last, open } = createHarness();
    await fill();
    // Used once, when it was cold: refreshed at 48 min, for 48 min without use is within a lifetime.
    await clock.advance(REFRESH_AT);
    expect(calls).toHaveLength(2);
    await last().issue();
    // 96 min without use is not.
    await clock.advance(REFRESH_AT);
    expect(open()).toHaveLength(0);
    expect(source.status().tokens).toBe(1);
    await clock.advance(12 * MIN - 30_000);
    expect(source.status().tokens).toBe(1);
    await clock.advance(1);
    expect(source.status().entries).toBe(0);
  });

  test('a key that is used between refreshes stays cached', async () => {
    const harness = createHarness();
    harness.answer = () => ({});
    await harness.source.get(toRequest());
    for (let hour = 0; hour < 24; hour += 1) {
      await harness.clock.advance(HOUR_MS);
      expect(harness.peek()).toBeDefined();
    }
    expect(harness.calls).toHaveLength(31);
  });

  test('refresh_in sets the time', async () => {
    const { clock, fill, calls } = createHarness();
    await fill(toRequest(), { expiresInSeconds: 24 * HOUR_S, refreshInSeconds: 2 * HOUR_S });
    await clock.advance(2 * HOUR_MS - 1);
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    expect(calls).toHaveLength(2);
  });

  test('jitter makes a refresh earlier', async () => {
    const { clock, fill, calls } = createHarness({ random: () => 0.5 });
    await fill();
    await clock.advance(REFRESH_AT * 0.925 - 1);
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    expect(calls).toHaveLength(2);
  });

  test('with jitter, every key is refreshed before its time without jitter', async () => {
    let state = 1;
    const random = (): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const { clock, fill, calls, open } = createHarness({
      random,
      limits: { maxBackgroundRefreshes: 64, exchangeDeadlineMs: HOUR_MS },
    });
    for (const name of names(50)) await fill(toRequest(name));
    await clock.advance(REFRESH_AT);
    expect(calls).toHaveLength(100);
    expect(new Set(open().map((call) => call.startedAtMs)).size).toBeGreaterThan(45);
  });
});

describe('bounds of background work', () => {
  test('at most four refreshes run at once; the others follow, longest due first', async () => {
    const { clock, fill, open, calls } = createHarness();
    for (const name of names(10)) await fill(toRequest(name));
    await clock.advance(REFRESH_AT);
    const order: string[] = [];
    while (open().length > 0) {
      expect(open().length).toBeLessThanOrEqual(4);
      const [call] = open();
      order.push(call?.request.resource ?? '');
      await call?.issue();
    }
    expect(calls).toHaveLength(20);
    expect(order).toEqual(names(10));
  });

  test('requests for tokens that are due start no more than four refreshes', async () => {
    const { clock, fill, peek, open } = createHarness();
    for (const name of names(10)) await fill(toRequest(name));
    await clock.advance(REFRESH_AT);
    for (const name of names(10)) expect(peek(toRequest(name))).toBeDefined();
    expect(open()).toHaveLength(4);
  });

  test('a caller without a token does not wait for background refreshes', async () => {
    const { clock, source, fill, open, last } = createHarness();
    for (const name of names(10)) await fill(toRequest(name));
    await clock.advance(REFRESH_AT);
    const cold = source.get(toRequest('cold'));
    await clock.advance(0);
    expect(open()).toHaveLength(5);
    await last().issue();
    expect((await cold).resource).toBe('cold');
  });

  test('failing keys do not delay other keys', async () => {
    const { clock, fill, open, source } = createHarness();
    for (const name of names(40)) await fill(toRequest(name), { expiresInSeconds: 24 * HOUR_S });
    await clock.advance(12 * HOUR_MS);
    const failing = new Set(names(8));
    for (let round = 0; round < 40; round += 1) {
      await clock.advance(9_000);
      for (const call of open()) {
        if (failing.has(call.request.resource)) await call.fail('ERR_TIMEOUT');
        else await call.issue({ expiresInSeconds: 24 * HOUR_S });
      }
    }
    expect(new Set(source.status().failing.map((key) => key.resource))).toEqual(failing);
  });

  test('refreshes that hang are given up after 30 s, and others follow', async () => {
    const { clock, fill, calls, peek } = createHarness();
    for (const name of names(12)) await fill(toRequest(name), { expiresInSeconds: 24 * HOUR_S });
    await clock.advance(12 * HOUR_MS + 2 * 30_000);
    expect(new Set(calls.slice(12).map((call) => call.request.resource)).size).toBe(12);
    for (const name of names(12)) expect(peek(toRequest(name))).toBeDefined();
  });
});

describe('one timer', () => {
  test('one timer for all keys, and none when there is nothing to do', async () => {
    const { clock, fill, open } = createHarness();
    expect(clock.pendingTimers).toBe(0);
    for (const name of names(50)) await fill(toRequest(name));
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(REFRESH_AT);
    while (open().length > 0) await open()[0]?.issue();
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(2 * HOUR_MS);
    expect(clock.pendingTimers).toBe(0);
  });

  test('idle with 256 tokens of an hour wakes less than once in five seconds', async () => {
    let state = 1;
    const random = (): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const harness = createHarness({ random });
    harness.answer = () => ({});
    for (const name of names(256)) {
      await harness.source.get(toRequest(name));
      await harness.clock.advance(1_000);
    }
    const wakeUpsBefore = harness.wakeUps;
    await harness.clock.advance(2 * HOUR_MS);
    expect(harness.calls.length).toBeGreaterThanOrEqual(2 * 256);
    expect(harness.wakeUps - wakeUpsBefore).toBeLessThan(0.2 * 2 * 3_600);
  });

  test('idle with one token of a day wakes three times in a day', async () => {
    const harness = createHarness();
    await harness.fill(toRequest(), { expiresInSeconds: 24 * HOUR_S });
    await harness.clock.advance(12 * HOUR_MS);
    await harness.last().issue({ expiresInSeconds: 24 * HOUR_S });
    await harness.clock.advance(12 * HOUR_MS);
    await harness.last().issue({ expiresInSeconds: 24 * HOUR_S });
    await harness.clock.advance(48 * HOUR_MS);
    expect(harness.source.status().entries).toBe(0);
    expect(harness.wakeUps).toBe(4);
  });

  test('a delay that is too long for a Node timer is split', async () => {
    const manual = createManualClock();
    const delays: number[] = [];
    const clock: Clock = {
      ...manual,
      after: (delayMs, callback) => {
        delays.push(delayMs);
        return manual.after(delayMs, callback);
      },
    };
    const firedAt: number[] = [];
    const dueAtMs = manual.monotonicMs() + 2 ** 32;
    const timer = createTimer(clock, () => {
      firedAt.push(manual.monotonicMs());
      if (manual.monotonicMs() < dueAtMs) timer.set(dueAtMs, clock.monotonicMs());
    });
    timer.set(dueAtMs, clock.monotonicMs());
    await manual.advance(2 ** 33);
    expect(Math.max(...delays)).toBeLessThan(2 ** 31);
    expect(firedAt.at(-1)).toBe(dueAtMs);
  });

  test('it fires once for an instant between two milliseconds, and not before it', async () => {
    const clock = createManualClock();
    const firedAt: number[] = [];
    const dueAtMs = clock.monotonicMs() + 1_000.4;
    const timer = createTimer(clock, () => {
      firedAt.push(clock.monotonicMs());
      if (clock.monotonicMs() < dueAtMs) timer.set(dueAtMs, clock.monotonicMs());
    });
    timer.set(dueAtMs, clock.monotonicMs());
    await clock.advance(2_000);
    expect(firedAt).toHaveLength(1);
    expect(firedAt[0]).toBeGreaterThanOrEqual(dueAtMs);
  });

  test('setting it again replaces it', async () => {
    const clock = createManualClock();
    let fired = 0;
    const timer = createTimer(clock, () => {
      fired += 1;
    });
    const atMs = clock.monotonicMs() + 1_000;
    timer.set(atMs, clock.monotonicMs());
    timer.set(atMs, clock.monotonicMs());
    expect(clock.pendingTimers).toBe(1);
    timer.set(atMs + 1_000, clock.monotonicMs());
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1_500);
    expect(fired).toBe(0);
    await clock.advance(500);
    expect(fired).toBe(1);
    timer.set(atMs + 5_000, clock.monotonicMs());
    timer.set(Number.POSITIVE_INFINITY, clock.monotonicMs());
    expect(clock.pendingTimers).toBe(0);
  });
});
