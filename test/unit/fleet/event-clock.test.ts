import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEventClock } from '../../support/event-clock.ts';

describe('the clock of simulations', () => {
  test('property: fires in the order of time, then of setting, and never a cancelled one', async () => {
    const timer = fc.record({ delayMs: fc.nat(50), isCancelled: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(timer, { maxLength: 60 }), async (timers) => {
        const clock = createEventClock();
        const fired: { readonly index: number; readonly atMs: number }[] = [];
        const cancels = timers.map(({ delayMs }, index) =>
          clock.after(delayMs, () => fired.push({ index, atMs: clock.monotonicMs() })),
        );
        timers.forEach(({ isCancelled }, index) => {
          if (isCancelled) cancels[index]?.();
        });
        await clock.runUntil(100);
        const expected = timers
          .map(({ delayMs, isCancelled }, index) => ({ index, atMs: delayMs, isCancelled }))
          .filter(({ isCancelled }) => !isCancelled)
          .toSorted((a, b) => a.atMs - b.atMs || a.index - b.index)
          .map(({ index, atMs }) => ({ index, atMs }));
        expect(fired).toEqual(expected);
        expect(clock.pendingTimers).toBe(0);
        expect(clock.monotonicMs()).toBe(100);
      }),
    );
  });

  test('lets promise chains settle before the next instant', async () => {
    const clock = createEventClock();
    const seen: string[] = [];
    const chain = async (): Promise<void> => {
      for (let turn = 0; turn < 50; turn += 1) await null;
      seen.push('chain');
      clock.after(0, () => seen.push(`timer of the chain at ${clock.monotonicMs()}`));
    };
    clock.after(1, () => void chain());
    clock.after(2, () => seen.push('next'));
    await clock.runUntil(2);
    expect(seen).toEqual(['chain', 'timer of the chain at 1', 'next']);
  });

  test('does not fire what lies beyond, and may cancel while it fires', async () => {
    const clock = createEventClock();
    const seen: number[] = [];
    const cancel = clock.after(5, () => seen.push(5));
    clock.after(4, () => cancel());
    clock.after(11, () => seen.push(11));
    await clock.runUntil(10);
    expect(seen).toEqual([]);
    cancel();
    await clock.runUntil(11);
    expect(seen).toEqual([11]);
  });

  test('a jump moves the wall clock alone', () => {
    const clock = createEventClock(1_000);
    clock.jumpEpoch(-300);
    expect([clock.epochMs(), clock.monotonicMs()]).toEqual([700, 0]);
  });
});
