/** Plays one schedule against the built programs. */
import { setTimeout as delay } from 'node:timers/promises';
import { createSeededRandom } from '../../test/support/seeded-random.ts';
import {
  createActiveFaults,
  type Fault,
  type FaultName,
  faultNames,
  isInstant,
  toEndMs,
  toStepMs,
  toSuspensionMs,
} from '../faults.ts';
import type { Schedule } from '../schedule.ts';
import { startApplications } from './applications.ts';
import { createRealClocks, watchStalls } from './clocks.ts';
import { createContainer } from './container.ts';
import { type Effects, toEffects } from './effects.ts';
import { awaitHealing } from './heal.ts';
import { startObserver } from './observer.ts';
import type { Site } from './site.ts';
import { RealWatch } from './watch.ts';

const SECOND_MS = 1_000;
const LOOK_MS = 100;
/** How long the process of a suspended machine stands still. */
const STOP_MS = 500;
const CRASH_MS = 5 * SECOND_MS;
const NOISE_MS = SECOND_MS;
const ROTATION_MS = 2 * SECOND_MS;
const OUTSIDE_FAILURE_MS = 500;

/** What a run in real time has shown. */
export interface RealOutcome {
  /** The promise that was not kept; undefined if all were. */
  readonly breach: string | undefined;
  /** When the run ended. */
  readonly atMs: number;
  /** After the last fault, when everything was well again. */
  readonly healedMs: number;
  readonly tokens: number;
  /** Requests with a live token, which the promise covers. */
  readonly live: number;
  readonly errors: number;
  /** Requests to Entra. */
  readonly posts: number;
  /** Those that were compared for two exchanges of one key. */
  readonly compared: number;
  readonly lines: number;
  /** Looks at readiness and metrics. */
  readonly looks: number;
  readonly restarts: number;
  /** The most that a process had. */
  readonly memoryBytes: number;
}

export interface RealPlayOptions {
  /** Whether the run lasts until no renewal fails any more; otherwise until every application has its token. */
  readonly awaitsRenewals: boolean;
  /** Called with each line of the log. */
  readonly onLine?: ((atMs: number, line: string) => void) | undefined;
}

/** The site is as before afterwards. */
export async function playReal(
  site: Site,
  schedule: Schedule,
  { awaitsRenewals, onLine }: RealPlayOptions,
): Promise<RealOutcome> {
  const random = createSeededRandom(schedule.seed);
  const faults = createActiveFaults();
  const clocks = createRealClocks();
  const stalls = watchStalls();
  const startedAt = performance.now();
  const sinceStart = (): number => Math.round(performance.now() - startedAt);
  const during = (): string => faultNames.filter(faults.has).join(', ');
  const watch = new RealWatch({ clocks, stalls, during });
  const container = createContainer({
    site,
    watch,
    effects: () => toEffects(faults),
    wallOffsetMs: () => clocks.wallOffsetMs,
    onLine(line) {
      watch.logged(line);
      onLine?.(sinceStart(), line);
    },
  });
  const applications = startApplications({
    faults,
    watch,
    clientIds: () => {
      const { usual, other } = site.world.clientIds;
      return container.client === 'usual' ? { usual, other } : { usual: other, other: usual };
    },
    isUp: () => container.isUp,
  });
  const observer = startObserver({ site, faults, watch, container, keys: applications.keys });

  let shown: Effects | undefined;
  /** Makes the world as the active faults want it. */
  const apply = async (): Promise<void> => {
    const wanted = toEffects(faults);
    const last = shown;
    shown = wanted;
    const isNew = (name: keyof Effects): boolean =>
      JSON.stringify(last?.[name]) !== JSON.stringify(wanted[name]);
    const { mode } = wanted.settings;
    if (isNew('path')) site.setPath(wanted.path);
    if (isNew('tokenFile') || mode !== last?.settings.mode) {
      await site.writeToken(wanted.tokenFile, mode);
    }
    if (isNew('caFiles')) await site.writeCas(wanted.caFiles);
    if (isNew('outside')) await site.setOutside(wanted.outside, clocks.worldOffsetMs);
    if (isNew('process')) await container.tell();
  };

  /** The kubelet replaces the federated token, unless a fault has the file. */
  const rotate = async (): Promise<void> => {
    const { tokenFile, settings } = toEffects(faults);
    if (tokenFile === 'current' && !faults.has('assertion/not-rotated')) {
      await site.writeToken(tokenFile, settings.mode);
    }
  };

  const suspend = (ms: number): Promise<void> =>
    applications.pauseFor(async () => {
      const { current } = container;
      stalls.add(STOP_MS);
      current?.kill('SIGSTOP');
      await delay(STOP_MS);
      clocks.suspend(ms);
      await site.setOutside(toEffects(faults).outside, clocks.worldOffsetMs);
      current?.kill('SIGCONT');
      await container.tell();
      await rotate();
    });

  const correct = (ms: number): Promise<void> =>
    applications.pauseFor(async () => {
      clocks.correct(ms);
      await container.tell();
    });

  /** Does something again and again while a fault is active. */
  const repeat = async (name: FaultName, everyMs: number, what: () => unknown): Promise<void> => {
    while (faults.has(name) && watch.breach === undefined) {
      await what();
      await delay(everyMs);
    }
  };

  const begin = async ({ name }: Fault): Promise<void> => {
    if (name !== 'restart/once' && toSuspensionMs(name) === 0) faults.begin(name);
    await apply();
    if (toSuspensionMs(name) > 0) await suspend(toSuspensionMs(name));
    if (toStepMs(name) !== 0) await correct(toStepMs(name));
    const fail = (): Promise<unknown> | undefined =>
      container.current?.inside.failOutside().catch(() => {});
    switch (name) {
      case 'clock/noise':
        void repeat(name, NOISE_MS, () => correct(Math.round(800 * (random() - 0.5))));
        break;
      case 'assertion/rotated-every-minute':
        void repeat(name, ROTATION_MS, rotate);
        break;
      case 'libraries/fails-outside':
        void repeat(name, OUTSIDE_FAILURE_MS, fail);
        break;
      case 'libraries/does-not-load':
        // The loaded bundle is dropped, so that it must be loaded again.
        await fail();
        break;
      case 'restart/crash-loop':
        void repeat(name, CRASH_MS, () => container.restart('SIGKILL'));
        break;
      case 'restart/once':
        void container.restart(random() < 0.5 ? 'SIGKILL' : 'SIGTERM');
        break;
      case 'restart/other-client':
      case 'restart/other-mode':
        replacePod();
        break;
      default:
    }
  };

  const end = async ({ name }: Fault): Promise<void> => {
    faults.end(name);
    await apply();
    if (name === 'assertion/not-rotated') await rotate();
    if (toStepMs(name) !== 0) await correct(-toStepMs(name));
    if (name === 'restart/other-client' || name === 'restart/other-mode') replacePod();
  };

  /** A pod with other settings has its init container run first. */
  const replacePod = (): void => {
    site.pod.init();
    void container.restart('SIGTERM');
  };

  // One change of the world at a time.
  let changes = Promise.resolve();
  const change = (what: () => Promise<void>): void => {
    changes = changes.then(what).catch((error: unknown) => watch.break(`the run failed: ${error}`));
  };
  const timers: NodeJS.Timeout[] = [];
  const isOver = (): boolean => watch.breach !== undefined;

  try {
    await apply();
    await container.restart('SIGKILL');
    const playedFrom = performance.now();
    for (const fault of schedule.faults) {
      timers.push(setTimeout(() => change(() => begin(fault)), fault.atMs));
      if (!isInstant(fault.name)) {
        timers.push(setTimeout(() => change(() => end(fault)), toEndMs(fault)));
      }
    }
    const lastMs = Math.max(0, ...schedule.faults.map(toEndMs));
    while (!isOver() && performance.now() - playedFrom < lastMs) await delay(LOOK_MS);
    await changes;
    const calmFrom = performance.now();
    if (!isOver()) await awaitHealing({ watch, container, applications, stalls, awaitsRenewals });
    const healedMs = Math.round(performance.now() - calmFrom);
    await applications.stop();
    if (!isOver()) await observer.awaitRest();
    await observer.stop();
    const { totals, breach } = watch;
    const { restarts } = container;
    const { memoryBytes } = observer;
    return { breach, atMs: sinceStart(), healedMs, ...totals, restarts, memoryBytes };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    for (const name of faultNames) while (faults.has(name)) faults.end(name);
    await applications.stop();
    await observer.stop();
    await changes;
    await container.stop();
    shown = undefined;
    await apply();
    await site.setOutside(toEffects(faults).outside, 0);
    stalls.stop();
  }
}
