import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAgeClock } from '../../../src/proxy/token/age-clock.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const create = () => {
  const clock = createManualClock();
  let steps = 0;
  const age = createAgeClock(clock, () => {
    steps += 1;
  });
  const startMs = age.nowMs();
  return { clock, age, passedMs: () => age.nowMs() - startMs, steps: () => steps };
};

describe('the clock by which tokens age', () => {
  test('equals the monotonic clock while the wall clock does not step', async () => {
    const { clock, passedMs, steps } = create();
    await clock.advance(90_000);
    expect(passedMs()).toBe(90_000);
    expect(steps()).toBe(0);
  });

  test('counts a step forward as a suspension, once, and says so', () => {
    const { clock, passedMs, steps } = create();
    clock.jumpEpoch(600_000);
    expect([passedMs(), passedMs()]).toEqual([600_000, 600_000]);
    expect(steps()).toBe(1);
  });

  test('is exact for small steps as well', () => {
    const { clock, passedMs, steps } = create();
    clock.jumpEpoch(999);
    expect(passedMs()).toBe(999);
    expect(steps()).toBe(0);
  });

  test('ignores a step back', () => {
    const { clock, passedMs } = create();
    clock.jumpEpoch(-600_000);
    expect(passedMs()).toBe(0);
  });

  test('a step back hides nothing of a later suspension, however small both are', () => {
    const { clock, passedMs } = create();
    clock.jumpEpoch(-30_000);
    passedMs();
    clock.jumpEpoch(60_000);
    expect(passedMs()).toBe(60_000);
  });

  test('adds up suspensions, whatever corrections lie between them', () => {
    const { clock, passedMs } = create();
    for (let round = 1; round <= 10; round += 1) {
      clock.jumpEpoch(60_000);
      expect(passedMs()).toBe(round * 60_000);
      clock.jumpEpoch(-60_000);
      expect(passedMs()).toBe(round * 60_000);
    }
  });

  test('does not add up steps of less than a second', async () => {
    const { clock, passedMs } = create();
    for (let second = 0; second < 3_600; second += 1) {
      clock.jumpEpoch(second % 2 === 0 ? 900 : -900);
      await clock.advance(0);
      passedMs();
    }
    expect(passedMs()).toBe(900);
  });

  test('property: it never goes back, and is never behind the suspensions that it could see', () => {
    const step = fc.record({
      kind: fc.constantFrom('suspend', 'correct', 'pass'),
      ms: fc.integer({ min: 1_001, max: 7_200_000 }),
    });
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { clock, passedMs } = create();
        let trueMs = 0;
        let lastMs = 0;
        for (const { kind, ms } of steps) {
          if (kind === 'pass') await clock.advance(ms);
          else clock.jumpEpoch(kind === 'suspend' ? ms : -ms);
          if (kind !== 'correct') trueMs += ms;
          const nowMs = passedMs();
          expect(nowMs).toBeGreaterThanOrEqual(lastMs);
          expect(nowMs).toBe(trueMs);
          lastMs = nowMs;
        }
      }),
      { numRuns: 60 },
    );
  });
});
