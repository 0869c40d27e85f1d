/**
 * A separate program: plays chaos against copies of the cache with one deliberate fault each. Prints one line of
 * JSON per copy. A fault may reject where nobody catches it, which would end a test runner.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { corpus } from '../../../chaos/corpus.ts';
import { play } from '../../../chaos/play.ts';
import { search } from '../../../chaos/search.ts';
import { loadMutant } from '../token/model/load-mutant.ts';
import { mutants } from '../token/model/mutants.ts';
import type { CreateSource } from '../token/model/world.ts';

/** What became of one copy. */
export interface Found {
  readonly fault: string;
  /** What the watch said; undefined if it saw nothing. */
  readonly breach: string | undefined;
}

/** How a random schedule that failed was made shorter. */
export interface Shrunk {
  /** Faults of the schedule, at first and in the end. */
  readonly from: number;
  readonly to: number;
  readonly failsAgain: boolean;
  /** Whether the cache as it is breaks a promise in it. */
  readonly isCaches: boolean;
}

/** One for each of the promises that the watch knows. */
export const hunted = [
  'callers of one key start an exchange each',
  'keys ignore the resource',
  'a suspension does not age tokens',
  'the memory of an outage has no end',
  'exchanges without token are counted and never discounted',
] as const;

const shrunkFault = 'the memory of an outage has no end';

async function findInCorpus(createSource: CreateSource): Promise<string | undefined> {
  for (const { schedule } of corpus) {
    const { breach } = await play(schedule, { createSource });
    if (breach !== undefined) return breach;
  }
  return undefined;
}

async function shrink(createSource: CreateSource): Promise<Shrunk> {
  const { failure } = await search({
    seed: 9,
    hours: 12,
    faults: 12,
    goesOn: (runs) => runs < 30,
    shrinkRuns: 80,
    createSource,
  });
  if (failure === undefined) throw new Error('no schedule has failed');
  const { schedule, outcome } = failure;
  const again = await play(schedule, { createSource });
  return {
    from: failure.first.faults.length,
    to: schedule.faults.length,
    failsAgain: again.breach === outcome.breach,
    isCaches: (await play(schedule)).breach !== undefined,
  };
}

if (import.meta.main) {
  const home = mkdtempSync(join(tmpdir(), 'chaos-mutants-'));
  process.on('unhandledRejection', () => {});
  try {
    for (const [index, mutant] of mutants.entries()) {
      if (!hunted.some((fault) => fault === mutant.fault)) continue;
      const createSource = await loadMutant(home, index, mutant);
      const found: Found = { fault: mutant.fault, breach: await findInCorpus(createSource) };
      console.log(JSON.stringify(found));
      if (mutant.fault === shrunkFault) console.log(JSON.stringify(await shrink(createSource)));
    }
  } finally {
    rmSync(home, { recursive: true });
  }
}
