import { type Outcome, type PlayOptions, play } from './play.ts';
import { type Schedule, toSchedule } from './schedule.ts';
import { shrink } from './shrink.ts';

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
  const first = toSchedule(seed, hours, faults);
  const outcome = await play(first, playOptions);
  if (outcome.breach === undefined) return undefined;
  onFailure?.(seed, outcome.breach);
  let runs = 0;
  const shortest = await shrink(
    { schedule: first, failure: outcome },
    {
      goesOn: () => runs < shrinkRuns,
      async play(schedule) {
        runs += 1;
        const again = await play(schedule, playOptions);
        return again.breach === undefined ? undefined : again;
      },
    },
  );
  return { seed, first, schedule: shortest.schedule, outcome: shortest.failure };
}
