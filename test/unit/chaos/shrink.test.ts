import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fault, FaultName } from '../../../chaos/faults.ts';
import { toSchedules } from '../../../chaos/schedule.ts';
import { shrink } from '../../../chaos/shrink.ts';

const fault = (name: FaultName, atMs: number, forMs = 8_000): Fault => ({ name, atMs, forMs });
const names = (faults: readonly Fault[]): readonly string[] => faults.map(({ name }) => name);

/** Shrinks a schedule that fails whenever all the given faults are in it. */
async function shrinkTo(
  faults: readonly Fault[],
  needed: readonly FaultName[],
  tries = Number.POSITIVE_INFINITY,
) {
  let played = 0;
  return shrink(
    { schedule: { seed: 1, faults }, failure: 'at first' },
    {
      goesOn: () => played < tries,
      async play(schedule) {
        played += 1;
        const has = names(schedule.faults);
        return needed.every((name) => has.includes(name)) ? 'again' : undefined;
      },
    },
  );
}

const eight: readonly Fault[] = [
  fault('entra/hangs', 3_000),
  fault('ca/missing', 4_000),
  fault('network/silent', 5_000),
  fault('assertion/empty', 6_000),
  fault('callers/burst', 7_000),
  fault('libraries/throws', 8_000),
  fault('clock/noise', 9_000),
  fault('restart/once', 10_000),
];

describe('a schedule that fails shrinks', () => {
  test.each<readonly FaultName[][]>([
    [['callers/burst']],
    [['entra/hangs', 'restart/once']],
    [['ca/missing', 'network/silent', 'clock/noise']],
  ])('to %j', async (needed) => {
    const { schedule, failure } = await shrinkTo(eight, needed);
    expect(names(schedule.faults)).toEqual(needed);
    expect(failure).toBe('again');
  });

  test('to no fault at all, with one try', async () => {
    const { schedule, tries } = await shrinkTo(eight, []);
    expect(schedule.faults).toEqual([]);
    expect(tries).toBe(1);
  });

  test('to faults that begin at once and are as short as they may be', async () => {
    const { schedule } = await shrink(
      { schedule: { seed: 1, faults: eight }, failure: '' },
      {
        goesOn: () => true,
        play: async ({ faults }) =>
          faults.some(({ name, forMs }) => name === 'callers/burst' && forMs >= 3_000)
            ? 'again'
            : undefined,
      },
    );
    expect(schedule.faults).toEqual([fault('callers/burst', 0, 4_000)]);
  });

  test('not at all without time, and then fails as at first', async () => {
    const { schedule, failure, tries } = await shrinkTo(eight, ['callers/burst'], 0);
    expect(schedule.faults).toBe(eight);
    expect(failure).toBe('at first');
    expect(tries).toBe(0);
  });
});

test('whatever the faults and those that matter: the result has failed, and no fault of it is spare', async () => {
  await fc.assert(
    fc.asyncProperty(toSchedules(12, 12), fc.nat(2 ** 12 - 1), async ({ seed, faults }, mask) => {
      // Which faults matter, by their names.
      const needed = faults.filter((_, index) => (mask >> index) & 1);
      const isNeeded = new Set(needed.map(({ name }) => name));
      const fails = (some: readonly Fault[]): boolean =>
        [...isNeeded].every((name) => some.some((one) => one.name === name));
      const { schedule } = await shrink(
        { schedule: { seed, faults }, failure: true },
        { goesOn: () => true, play: async (one) => fails(one.faults) || undefined },
      );
      expect(fails(schedule.faults)).toBe(true);
      expect(schedule.faults.length).toBe(isNeeded.size);
    }),
    { numRuns: 200, seed: 7 },
  );
});
