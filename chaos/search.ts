import fc from 'fast-check';
import { type Outcome, type PlayOptions, play } from './play.ts';
import { type Schedule, toSchedules } from './schedule.ts';

/** Where to look, and for how long. */
export interface SearchOptions extends PlayOptions {
  readonly seed: number;
  /** The longest schedule, in hours of fake time. */
  readonly hours: number;
  /** The most faults of a schedule. */
  readonly faults: number;
  /** Whether to begin with another schedule. */
  readonly goesOn: (runs: number) => boolean;
  /** Called when a schedule has failed, before a shorter one is looked for. */
  readonly onFailure?: (seed: number, breach: string) => void;
  /** How many shorter schedules to play once one has failed. */
  readonly shrinkRuns: number;
}

export interface SearchResult {
  readonly runs: number;
  readonly failure: SearchFailure | undefined;
}

export interface SearchFailure {
  /** Begins the search with the schedule that failed. */
  readonly seed: number;
  /** The one that was found. */
  readonly first: Schedule;
  /** The shortest that still fails. */
  readonly schedule: Schedule;
  readonly outcome: Outcome;
}

/** Plays random schedules, one for each seed, until one breaks a promise. */
export async function search(options: SearchOptions): Promise<SearchResult> {
  let runs = 0;
  for (; options.goesOn(runs); runs += 1) {
    const seed = options.seed + runs;
    const failure = await searchFrom(seed, options);
    if (failure !== undefined) return { runs: runs + 1, failure };
  }
  return { runs, failure: undefined };
}

async function searchFrom(
  seed: number,
  { hours, faults, shrinkRuns, onFailure, ...playOptions }: SearchOptions,
): Promise<SearchFailure | undefined> {
  let first: Schedule | undefined;
  let failed: Pick<SearchFailure, 'schedule' | 'outcome'> | undefined;
  let runsLeft = Number.POSITIVE_INFINITY;
  await fc.check(
    fc.asyncProperty(toSchedules(hours, faults), async (schedule) => {
      // Shrinking takes hundreds of schedules. A shorter one may fail for another reason, which is as good.
      if (runsLeft === 0) return;
      runsLeft -= 1;
      const outcome = await play(schedule, playOptions);
      if (outcome.breach === undefined) return;
      if (failed === undefined) {
        first = schedule;
        runsLeft = shrinkRuns;
        onFailure?.(seed, outcome.breach);
      }
      failed = { schedule, outcome };
      throw new Error(outcome.breach);
    }),
    { seed, numRuns: 1 },
  );
  return first === undefined || failed === undefined ? undefined : { seed, first, ...failed };
}
