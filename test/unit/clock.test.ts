import { queryObjects } from 'node:v8';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/proxy/clock.ts';

/** Node's list of the timers that have one delay: there is one for each delay. */
type TimersList = new () => object;

function findTimersList(): TimersList {
  const timer = setTimeout(() => {}, 1) as unknown as {
    readonly _idlePrev: { readonly constructor: TimersList };
  };
  const list = timer._idlePrev.constructor;
  clearTimeout(timer as unknown as NodeJS.Timeout);
  return list;
}

test('a cancelled timer leaves nothing behind, whatever its delay', () => {
  const list = findTimersList();
  const count = (): number => queryObjects(list, { format: 'count' });
  const before = count();
  const keep = systemClock.after(3_600_000, () => {});
  expect(count(), 'the count sees a timer').toBe(before + 1);
  for (let index = 0; index < 1_000; index += 1) {
    systemClock.after(1_800_000 + index * 1.37, () => {})();
  }
  expect(count()).toBe(before + 1);
  keep();
  expect(count()).toBe(before);
});

test('a timer calls back once, not earlier than its delay, and can be cancelled afterwards', async () => {
  const beganAtMs = systemClock.monotonicMs();
  let calls = 0;
  const cancel = await new Promise<() => void>((resolve) => {
    const end = systemClock.after(5.5, () => {
      calls += 1;
      resolve(end);
    });
  });
  // The loop's clock has whole milliseconds and may be one behind.
  expect(systemClock.monotonicMs() - beganAtMs).toBeGreaterThanOrEqual(4.5);
  cancel();
  cancel();
  expect(calls).toBe(1);
});
