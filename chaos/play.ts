import type { ExchangeMode } from '../src/proxy/entra/settings.ts';
import type { Logger } from '../src/shared/logger.ts';
import { createSeededRandom } from '../test/support/seeded-random.ts';
import { createCallers } from './callers.ts';
import { createChaosEntra } from './entra.ts';
import {
  createActiveFaults,
  type Fault,
  isInstant,
  toEndMs,
  toStepMs,
  toSuspensionMs,
} from './faults.ts';
import { createPodTime } from './pod-time.ts';
import { type ProcessParts, type ProxyProcess, startProcess } from './proxy.ts';
import { type Schedule, toRunMs } from './schedule.ts';
import { createTokenFile } from './token-file.ts';
import { Breach, Watch } from './watch.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** What a run has shown. */
export interface Outcome {
  /** The promise that was not kept; undefined if all were. */
  readonly breach: string | undefined;
  /** When, since the beginning. */
  readonly atMs: number;
  readonly posts: number;
  /** Answers without a token to the applications that ask steadily. */
  readonly errors: number;
}

export interface PlayOptions {
  readonly createSource?: ProcessParts['createSource'];
  /** Called with each line of the log. */
  readonly onLine?: (atMs: number, line: string) => void;
}

/** Plays a schedule against the token source, its exchange and its readiness, in fake time. */
export async function play(
  schedule: Schedule,
  { createSource, onLine }: PlayOptions = {},
): Promise<Outcome> {
  const random = createSeededRandom(schedule.seed);
  const time = createPodTime();
  const faults = createActiveFaults();
  const tokenFile = createTokenFile(time, faults);
  const entra = createChaosEntra(time, faults, random);
  const calmFromMs = Math.max(0, ...schedule.faults.map(toEndMs));
  const watch = new Watch(time, entra, () => calmFromMs);
  const callers = createCallers(time, faults, watch, random);
  const logger: Logger = {
    isEnabled: (level) => level !== 'trace',
    log(level, message, fields) {
      watch.countLine(level);
      onLine?.(time.monotonicMs(), `${level} ${message} ${JSON.stringify(fields ?? {})}`);
    },
  };
  let process: ProxyProcess | undefined;

  const restart = (): void => {
    process?.stop();
    watch.processStopped();
    const mode: ExchangeMode = faults.has('restart/other-mode') ? 'binding' : 'federation';
    process = startProcess({ time, faults, entra, tokenFile, logger, random, createSource }, mode);
    watch.processStarted(process);
  };

  const crash = (): void => {
    if (!faults.has('restart/crash-loop')) return;
    restart();
    time.after(20 * SECOND_MS, crash);
  };

  const begin = ({ name }: Fault): void => {
    if (name === 'assertion/not-rotated') tokenFile.freeze();
    const suspendedMs = toSuspensionMs(name);
    if (suspendedMs > 0) time.suspend(suspendedMs);
    else if (name !== 'restart/once') faults.begin(name);
    if (name === 'restart/crash-loop') crash();
    else if (name.startsWith('restart/')) restart();
    time.correct(toStepMs(name));
    if (name === 'clock/noise') makeNoise();
  };

  const end = ({ name }: Fault): void => {
    faults.end(name);
    if (name === 'restart/other-client' || name === 'restart/other-mode') restart();
    time.correct(-toStepMs(name));
  };

  const makeNoise = (): void => {
    if (!faults.has('clock/noise')) return;
    time.correct(Math.round(800 * (random() - 0.5)));
    time.after(10 * SECOND_MS, makeNoise);
  };

  const minutely = (): void => {
    void watch.lookEveryMinute(callers.requests());
    time.after(MINUTE_MS, minutely);
  };

  const toOutcome = (breach: string | undefined): Outcome => ({
    breach,
    atMs: time.monotonicMs(),
    posts: entra.posts,
    errors: watch.errors,
  });

  restart();
  callers.start();
  time.after(MINUTE_MS, minutely);
  for (const fault of schedule.faults) {
    time.after(fault.atMs, () => {
      begin(fault);
      if (!isInstant(fault.name)) time.after(fault.forMs, () => end(fault));
    });
  }
  try {
    const runMs = toRunMs(schedule);
    while (time.monotonicMs() < runMs) {
      await time.runUntil(Math.min(runMs, time.monotonicMs() + MINUTE_MS));
      watch.assertKept();
    }
    return toOutcome(undefined);
  } catch (thrown) {
    const breach = thrown instanceof Breach ? thrown.message : `threw ${String(thrown)}`;
    return toOutcome(breach);
  } finally {
    process?.stop();
  }
}
