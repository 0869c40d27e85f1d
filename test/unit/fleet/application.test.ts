import { describe, expect, test } from 'vitest';
import { createApplication } from '../../../fleet/application.ts';
import type { SidecarAnswer } from '../../../fleet/pods.ts';
import { createEventClock, type EventClock } from '../../support/event-clock.ts';

const MIN = 60_000;
const H = 60 * MIN;
const failure: SidecarAnswer = { retryAfterMs: undefined };

/** An application whose sidecar answers as `answer` says; `asks` are the instants at which it was asked. */
function start(answer: (clock: EventClock) => SidecarAnswer) {
  const clock = createEventClock();
  const asks: number[] = [];
  const application = createApplication(clock, {
    ask(onAnswer) {
      asks.push(clock.monotonicMs());
      onAnswer(answer(clock));
    },
    stop() {},
  });
  application.start();
  return { clock, asks, application };
}

describe('the application of the simulation', () => {
  test.each([
    ['an hour: five minutes before the end', H, 55 * MIN],
    ['a day: at half of its life', 24 * H, 12 * H],
  ])('asks again for a token of %s', async (_, lifetimeMs, afterMs) => {
    const { clock, asks, application } = start(({ monotonicMs }) => ({
      expiresAtMs: monotonicMs() + lifetimeMs,
    }));
    await clock.runUntil(afterMs);
    expect(asks).toEqual([0, afterMs]);
    expect(application.record()).toMatchObject({ firstTokenMs: 0, losses: 0, withoutTokenMs: 0 });
  });

  test('without a token, retries five times, doubling, and begins anew after ten seconds', async () => {
    const { clock, asks } = start(() => failure);
    await clock.runUntil(40_000);
    expect(asks).toEqual([0, 800, 2_400, 5_600, 12_000, 24_800, 34_800, 35_600, 37_200]);
  });

  test('comes back when Retry-After says', async () => {
    const { clock, asks } = start(() => ({ retryAfterMs: 60_000 }));
    await clock.runUntil(130_000);
    expect(asks).toEqual([0, 60_000, 120_000]);
  });

  test('with a token that is due, asks every half minute; then it has lost it, until it gets another', async () => {
    let isDown = false;
    const { clock, asks, application } = start(({ monotonicMs }) =>
      isDown ? failure : { expiresAtMs: monotonicMs() + H },
    );
    isDown = true;
    await clock.runUntil(57 * MIN);
    expect(asks.slice(0, 4)).toEqual([0, 55 * MIN, 55.5 * MIN, 56 * MIN]);
    await clock.runUntil(H + 5_000);
    expect(application.record()).toMatchObject({
      losses: 1,
      withoutTokenMs: 5_000,
      servedAgainAtMs: Number.POSITIVE_INFINITY,
    });
    isDown = false;
    await clock.runUntil(2 * H);
    const { losses, withoutTokenMs, servedAgainAtMs } = application.record();
    expect(losses).toBe(1);
    expect(servedAgainAtMs).toBe(H + withoutTokenMs);
    expect(withoutTokenMs).toBeLessThan(35_000);
  });

  test('asks no more once its pod is gone, and has lost nothing', async () => {
    const { clock, asks, application } = start(() => ({ expiresAtMs: H }));
    application.stop();
    await clock.runUntil(3 * H);
    expect(asks).toEqual([0]);
    expect(application.record()).toMatchObject({ losses: 0, withoutTokenMs: 0 });
    expect(clock.pendingTimers).toBe(0);
  });
});
