import type { Clock } from '../clock.ts';
import type { AgeClock } from './age-clock.ts';
import { type Entry, findServable, isInUse, toForgottenAtMs, toRenewalAtMs } from './entry.ts';
import type { EntryStore } from './entry-store.ts';
import type { Flights } from './flights.ts';
import type { RefreshLog } from './refresh-log.ts';

/** Renews the keys that are in use, with or without traffic, and forgets entries that are spent. */
export interface RefreshSchedule {
  /** Runs the work that is due now and sets the timer for the next. */
  run(): void;
  /** The same a moment later, for callers that entries must not vanish under. */
  runSoon(): void;
  /** Renews due keys at the next free slot; for a key that found no slot when a caller asked for it. */
  runWithSlot(): void;
  stop(): void;
}

export interface RefreshScheduleDeps {
  readonly clock: Clock;
  readonly age: AgeClock;
  readonly store: EntryStore;
  readonly log: RefreshLog;
  /** May decline a renewal when enough are running; `run` must be called when one of those has ended. */
  readonly flights: Flights;
}

export function createRefreshSchedule(deps: RefreshScheduleDeps): RefreshSchedule {
  const { clock, age, store, log, flights } = deps;
  let stopped = false;
  let waitsForSlot = false;

  const run = (): void => {
    if (stopped) return;
    waitsForSlot = false;
    const nowMs = age.nowMs();
    for (const entry of store.entries()) dropExpired(entry, nowMs);
    store.purge((entry) => entry.flight === undefined && nowMs >= toForgottenAtMs(entry));

    const due: Entry[] = [];
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const entry of store.entries()) {
      if (entry.flight !== undefined) continue;
      const atMs = toRenewalAtMs(entry);
      nextAtMs = Math.min(nextAtMs, toForgottenAtMs(entry));
      // Use until an instant that is still to come counts, so it is worth a look then.
      if (atMs > nowMs) nextAtMs = Math.min(nextAtMs, atMs);
      else if (isInUse(entry, nowMs)) due.push(entry);
    }

    due.sort(byUrgency);
    for (const entry of due) {
      if (flights.startBackground(entry)) continue;
      waitsForSlot = true;
      nextAtMs = Math.min(nextAtMs, flights.nextSlotAtMs());
      break;
    }
    timer.set(nextAtMs, nowMs);
  };
  const timer = createTimer(clock, run);

  const dropExpired = (entry: Entry, nowMs: number): void => {
    if (entry.held === undefined || findServable(entry, nowMs) !== undefined) return;
    const wasInUse = isInUse(entry, nowMs);
    entry.held = undefined;
    if (wasInUse && entry.failure?.reported) log.lost(entry, entry.failure);
  };

  const runSoon = (): void => {
    if (!stopped) timer.set(0, 0);
  };

  return {
    run,
    runSoon,
    runWithSlot() {
      if (waitsForSlot) return;
      waitsForSlot = true;
      runSoon();
    },
    stop() {
      stopped = true;
      timer.set(Number.POSITIVE_INFINITY, 0);
    },
  };
}

/**
 * Keys whose renewal has not failed go first, so that failing keys, tried again and again, starve nobody.
 * Among equals, the one that has been due for longest.
 */
function byUrgency(a: Entry, b: Entry): number {
  const rank = ({ failure }: Entry): number => (failure === undefined ? 0 : 1);
  return rank(a) - rank(b) || toRenewalAtMs(a) - toRenewalAtMs(b);
}

/** Longer delays make a Node timer fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** One timer for all that lies ahead: an idle process wakes for nothing else. */
interface Timer {
  /** Replaces the instant set before; no timer at all for an instant that never comes. */
  set(atMs: number, nowMs: number): void;
}

/** @param onDue called at the instant that was set, or before it if that is more than 24 days away. */
export function createTimer(clock: Clock, onDue: () => void): Timer {
  let cancel = (): void => {};

  return {
    set(atMs, nowMs) {
      cancel();
      cancel = (): void => {};
      if (atMs === Number.POSITIVE_INFINITY) return;
      // Whole milliseconds, upwards: a timer that fires a fraction early would only wake up twice.
      const delayMs = Math.max(1, Math.ceil(atMs - nowMs));
      cancel = clock.after(Math.min(delayMs, MAX_DELAY_MS), onDue);
    },
  };
}
