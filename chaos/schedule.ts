import fc from 'fast-check';
import {
  type Fault,
  type FaultGroup,
  type FaultName,
  faultKinds,
  faultNames,
  toEndMs,
} from './faults.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** What happens in one run. Without faults it is a quiet day. */
export interface Schedule {
  /** Seed of all other random numbers: jitter, latencies, the moments of callers. */
  readonly seed: number;
  readonly faults: readonly Fault[];
}

/** After its last fault a run continues for so long, so that it shows whether everything heals. */
export const AFTERMATH_MS = 75 * MINUTE_MS;

/** When a run of the schedule ends. */
export function toRunMs({ faults }: Schedule): number {
  return Math.max(0, ...faults.map(toEndMs)) + AFTERMATH_MS;
}

/** How long faults last in days of fake time, and in minutes of real time. */
const durations = {
  days: fc.oneof(
    fc.integer({ min: 1, max: 20 }).map((seconds) => seconds * SECOND_MS),
    fc.integer({ min: 1, max: 30 }).map((minutes) => minutes * MINUTE_MS),
    fc.integer({ min: 1, max: 6 }).map((hours) => hours * HOUR_MS),
  ),
  minutes: fc.oneof(
    fc.integer({ min: 1, max: 5 }).map((seconds) => seconds * SECOND_MS),
    fc.integer({ min: 5, max: 40 }).map((seconds) => seconds * SECOND_MS),
  ),
} as const;

/**
 * Schedules of that many hours.
 * @param faults at the most
 */
export function toSchedules(hours: number, faults: number): fc.Arbitrary<Schedule> {
  return toSchedulesOf(durations.days, {
    lastMs: hours * HOUR_MS - AFTERMATH_MS,
    fewest: 1,
    most: faults,
    names: faultNames,
  });
}

/** One of them for each seed. */
export function toSchedule(seed: number, hours: number, faults: number): Schedule {
  return takeFirst(toSchedules(hours, faults), seed);
}

/**
 * The schedule of a seed for real time: exactly that many faults, all over after that many seconds.
 * @param names which faults to choose from
 */
export function toRealSchedule(
  seed: number,
  {
    seconds,
    faults,
    names,
  }: { readonly seconds: number; readonly faults: number; readonly names: readonly FaultName[] },
): Schedule {
  const lastMs = seconds * SECOND_MS;
  const schedules = toSchedulesOf(durations.minutes, {
    lastMs,
    fewest: faults,
    most: faults,
    names,
  });
  return takeFirst(schedules, seed);
}

function takeFirst(schedules: fc.Arbitrary<Schedule>, seed: number): Schedule {
  const [schedule] = fc.sample(schedules, { seed, numRuns: 1 });
  if (schedule === undefined) throw new Error('no schedule was made');
  return schedule;
}

function toSchedulesOf(
  forMs: fc.Arbitrary<number>,
  {
    lastMs,
    fewest,
    most,
    names,
  }: {
    readonly lastMs: number;
    readonly fewest: number;
    readonly most: number;
    readonly names: readonly FaultName[];
  },
): fc.Arbitrary<Schedule> {
  // Every group as often as any other, however many faults it has.
  const groups = Object.entries(faultKinds)
    .map(([group, kinds]) =>
      kinds.map((kind) => toName(group as FaultGroup, kind)).filter((name) => names.includes(name)),
    )
    .filter((group) => group.length > 0);
  const fault = fc
    .record({
      name: fc.oneof(...groups.map((group) => fc.constantFrom(...group))),
      // Each lasts for a second at least.
      atMs: fc.nat(Math.floor(lastMs / SECOND_MS) - 1),
      forMs,
    })
    .map((one): Fault => ({ ...one, atMs: one.atMs * SECOND_MS }))
    .map((one) => ({ ...one, forMs: Math.min(one.forMs, lastMs - one.atMs) }));
  return fc.record({
    seed: fc.noShrink(fc.nat(2 ** 31 - 1)),
    // Without the bias towards short arrays: faults that overlap are of more interest.
    faults: fc.noBias(fc.array(fault, { minLength: fewest, maxLength: most, size: 'max' })),
  });
}

function toName(group: FaultGroup, kind: string): FaultName {
  return `${group}/${kind}` as FaultName;
}

/** A schedule as a failure prints it. @returns undefined if the text is not one. */
export function parseSchedule(text: string): Schedule | undefined {
  let value: Partial<Schedule> | null;
  try {
    value = JSON.parse(text) as Partial<Schedule> | null;
  } catch {
    return undefined;
  }
  const { seed, faults } = value ?? {};
  if (!Number.isInteger(seed) || !Array.isArray(faults)) return undefined;
  const isTime = (ms: unknown): boolean => Number.isInteger(ms) && Number(ms) >= 0;
  const areSound = faults.every(
    (fault: Partial<Fault> | null) =>
      faultNames.some((name) => name === fault?.name) &&
      isTime(fault?.atMs) &&
      isTime(fault?.forMs),
  );
  return areSound ? (value as Schedule) : undefined;
}

/** One line for each fault, for people. */
export function describeSchedule({ seed, faults }: Schedule): string {
  const lines = faults
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(
      ({ name, atMs, forMs }) =>
        `  ${toClock(atMs)} ${name}${toEndMs({ name, atMs, forMs }) > atMs ? ` for ${toClock(forMs)}` : ''}`,
    );
  return [`seed ${seed}`, ...lines].join('\n');
}

/** Hours, minutes and seconds. */
export function toClock(ms: number): string {
  const seconds = Math.floor(ms / SECOND_MS);
  const pad = (value: number): string => String(value).padStart(2, '0');
  return `${pad(Math.floor(seconds / 3_600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
}
