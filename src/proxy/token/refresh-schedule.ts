import type { Clock } from '../clock.ts';
import { type Entry, toForgottenAtMs, toLastServableAtMs } from './entry.ts';
import type { EntryStore } from './entry-store.ts';
import type { Flights } from './flights.ts';
import { followClocks } from './held-token.ts';
import type { RefreshLog } from './refresh-log.ts';
import { createRefreshTimer } from './refresh-timer.ts';

/** Refreshes the keys that are in use, with or without traffic, and forgets what is spent. */
export interface RefreshSchedule {
  /** Does what is due now and sets the timer for what is next. */
  run(): void;
  /** The same a moment later, for callers that entries must not vanish under. */
  runSoon(): void;
  stop(): void;
}

export interface RefreshScheduleDeps {
  readonly clock: Clock;
  readonly store: EntryStore;
  readonly log: RefreshLog;
  /** May decline a refresh when enough are running; `run` has to be called when one of those has ended. */
  readonly flights: Flights;
}

export function createRefreshSchedule(deps: RefreshScheduleDeps): RefreshSchedule {
  const { clock, store, log, flights } = deps;
  let stopped = false;

  const run = (): void => {
    if (stopped) return;
    const nowMs = clock.monotonicMs();
    const epochMs = clock.epochMs();
    for (const entry of store.entries()) dropExpired(entry, epochMs, nowMs);
    store.purge((entry) => entry.flight === undefined && nowMs >= toForgottenAtMs(entry));

    const due: { readonly entry: Entry; readonly atMs: number }[] = [];
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const entry of store.entries()) {
      if (entry.flight !== undefined) continue;
      const refreshAtMs = toRefreshAtMs(entry, nowMs);
      if (refreshAtMs <= nowMs) due.push({ entry, atMs: refreshAtMs });
      else nextAtMs = Math.min(nextAtMs, refreshAtMs, toForgottenAtMs(entry));
    }

    // Those that have waited longest first, so that failing keys, tried again and again, starve nobody.
    due.sort((a, b) => a.atMs - b.atMs);
    for (const { entry } of due) flights.startBackground(entry);
    timer.set(nextAtMs);
  };
  const timer = createRefreshTimer(clock, run);

  const dropExpired = (entry: Entry, epochMs: number, nowMs: number): void => {
    if (entry.held === undefined) return;
    entry.held = followClocks(entry.held, epochMs, nowMs);
    if (nowMs <= toLastServableAtMs(entry.held)) return;
    entry.held = undefined;
    if (entry.failure?.reported) log.lost(entry, entry.failure);
  };

  return {
    run,
    runSoon() {
      if (!stopped) timer.set(clock.monotonicMs());
    },
    stop() {
      stopped = true;
      timer.set(Number.POSITIVE_INFINITY);
    },
  };
}

/**
 * When a key is to be refreshed without being asked for: never, if there is nothing to refresh or it has
 * not been used for a token's lifetime. An instant to come is always worth a look: use until then counts.
 */
function toRefreshAtMs({ held, failure, usedAtMs }: Entry, nowMs: number): number {
  if (held === undefined) return Number.POSITIVE_INFINITY;
  const atMs = Math.max(held.refreshAtMs, failure?.retryAtMs ?? 0);
  const isInUse = nowMs - usedAtMs <= held.lifetimeMs;
  return atMs > nowMs || isInUse ? atMs : Number.POSITIVE_INFINITY;
}
