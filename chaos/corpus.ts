import type { Fault, FaultName } from './faults.ts';
import type { Schedule } from './schedule.ts';

const MINUTE_MS = 60_000;

/** When a fault begins and how long it lasts, against the token of an hour that applications get at the start. */
interface Moment {
  readonly name: string;
  readonly atMs: number;
  readonly forMs: number;
}

const moments: readonly Moment[] = [
  { name: 'before the first request', atMs: 0, forMs: 3 * MINUTE_MS },
  { name: 'while the token is fresh', atMs: 10 * MINUTE_MS, forMs: 10 * MINUTE_MS },
  { name: 'when its renewal is due', atMs: 40 * MINUTE_MS, forMs: 10 * MINUTE_MS },
  { name: 'until its last minutes', atMs: 40 * MINUTE_MS, forMs: 17 * MINUTE_MS },
  { name: 'beyond its end', atMs: 40 * MINUTE_MS, forMs: 50 * MINUTE_MS },
];

/** One of each kind of fault that applications could notice in a different way. */
const faults: readonly FaultName[] = [
  'entra/unavailable',
  'entra/throttled-for-a-minute',
  'entra/hangs',
  'entra/application-unknown',
  'entra/short-lived-tokens',
  'network/name-server-silent',
  'network/cut-short',
  'assertion/missing',
  'libraries/fails-outside',
  'clock/two-hours-ahead',
  'clock/suspended-for-three-hours',
  'restart/crash-loop',
];

/** One scripted case. */
export interface ChaosCase {
  /** From 1. */
  readonly number: number;
  readonly title: string;
  readonly fault: FaultName;
  readonly moment: string;
  readonly schedule: Schedule;
}

/** Sixty cases: each fault at each moment. */
export const corpus: readonly ChaosCase[] = faults
  .flatMap((fault) => moments.map((moment) => ({ fault, moment })))
  .map(({ fault, moment: { name, atMs, forMs } }, index) => ({
    number: index + 1,
    title: `${fault} ${name}`,
    fault,
    moment: name,
    schedule: { seed: index + 1, faults: [{ name: fault, atMs, forMs } satisfies Fault] },
  }));
