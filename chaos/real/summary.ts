/** Runs in words and numbers. */
import { faultNames } from '../faults.ts';
import { type Schedule, toClock } from '../schedule.ts';
import type { RealOutcome } from './play.ts';

export interface Played {
  readonly schedule: Schedule;
  readonly outcome: RealOutcome;
}

export function describeOutcome(outcome: RealOutcome): string {
  const { breach, atMs, healedMs, tokens, errors, posts, restarts, memoryBytes } = outcome;
  const result =
    breach === undefined
      ? `ok, healed after ${(healedMs / 1_000).toFixed(1)} s`
      : `FAILS at ${toClock(atMs)}: ${breach}`;
  return `${result}; ${tokens} tokens, ${errors} errors, ${posts} requests to Entra, ${restarts} restarts, ${toMebibytes(memoryBytes)}`;
}

/** The sums of several runs. */
export function describePlayed(played: readonly Played[]): string {
  const sum = (pick: (outcome: RealOutcome) => number): string =>
    played.reduce((total, { outcome }) => total + pick(outcome), 0).toLocaleString('en-US');
  const most = Math.max(...played.map(({ outcome }) => outcome.memoryBytes));
  return [
    `${played.length} schedules`,
    `${sum(({ tokens }) => tokens)} tokens`,
    `${sum(({ live }) => live)} requests with a live token`,
    `${sum(({ errors }) => errors)} errors`,
    `${sum(({ posts }) => posts)} requests to Entra (${sum(({ compared }) => compared)} compared)`,
    `${sum(({ lines }) => lines)} log lines`,
    `${sum(({ looks }) => looks)} looks at readiness and metrics`,
    `${sum(({ restarts }) => restarts)} restarts`,
    `${toMebibytes(most)} at the most`,
  ].join(', ');
}

/** How often the faults of each group were played. */
export function describeFaults(played: readonly Played[]): string {
  const names = played.flatMap(({ schedule }) => schedule.faults.map(({ name }) => name));
  const groups = Map.groupBy(names, (name) => name.split('/')[0]);
  const counts = [...groups].map(([group, { length }]) => `${group} ${length}`);
  return `${names.length} faults, ${new Set(names).size} of ${faultNames.length} kinds: ${counts.join(', ')}`;
}

function toMebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
