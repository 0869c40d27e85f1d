/**
 * A separate program: plays schedules against copies of the cache with one deliberate fault each, until
 * the model finds it. Prints one line of JSON per copy. A fault may reject where nobody catches it, which
 * would end a test runner.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { CacheLimits } from '../../../../src/proxy/token/caching-source.ts';
import { loadMutant } from './load-mutant.ts';
import { mutants } from './mutants.ts';
import { findBreach } from './promise.ts';
import { comeback, type Mix, type Step, toSchedules } from './schedule.ts';
import type { CreateSource } from './world.ts';

/** What became of one copy. */
export interface Found {
  readonly fault: string;
  /** How the model put it; undefined if it found nothing. */
  readonly breach: string | undefined;
  readonly schedules: number;
}

interface Hunt {
  readonly mix: Mix;
  readonly limits: CacheLimits;
  readonly hasJitter?: boolean;
  readonly schedules: readonly (readonly Step[])[];
}

const seed = 20_261_129;
/** Of each kind; the one without a fault is known well enough from random-schedule.test.ts. */
const perHunt = 300;
const perHuntWithoutFault = 50;
const home = mkdtempSync(join(tmpdir(), 'cache-mutants-'));
const rejections: unknown[] = [];
process.on('unhandledRejection', (reason) => rejections.push(reason));

const hunts: readonly Hunt[] = [
  { mix: { keys: 1, clocks: false }, limits: {} },
  { mix: { keys: 5, clocks: false }, limits: { maxExchangesWithoutToken: 2 } },
  { mix: { keys: 2, clocks: true }, limits: {} },
  { mix: { keys: 8, clocks: false }, limits: {}, hasJitter: false },
].map((hunt) => ({
  ...hunt,
  schedules: [
    ...(hunt.mix.keys === 8 ? [comeback] : []),
    ...fc.sample(toSchedules(hunt.mix), { numRuns: perHunt, seed }),
  ],
}));

async function hunt(create: CreateSource, fault: string, rounds: number): Promise<Found> {
  let schedules = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const { mix, limits, hasJitter = true, schedules: all } of hunts) {
      rejections.length = 0;
      schedules += 1;
      let breach: string | undefined;
      try {
        const options = { create, keys: mix.keys, seed: round, limits, hasJitter };
        breach = await findBreach(all[round] ?? [], options);
      } catch (thrown) {
        breach = `threw ${String(thrown)}`;
      }
      await new Promise((resolve) => setImmediate(resolve));
      if (rejections.length > 0) breach ??= `rejected unhandled: ${String(rejections[0])}`;
      if (breach !== undefined) return { fault, breach, schedules };
    }
  }
  return { fault, breach: undefined, schedules };
}

try {
  const all = [undefined, ...mutants];
  for (const [index, mutant] of all.entries()) {
    const create = await loadMutant(home, index, mutant);
    console.log(
      JSON.stringify(
        await hunt(
          create,
          mutant?.fault ?? 'none',
          mutant === undefined ? perHuntWithoutFault : perHunt,
        ),
      ),
    );
  }
} finally {
  rmSync(home, { recursive: true });
}
