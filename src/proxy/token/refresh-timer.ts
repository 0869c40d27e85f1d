import type { Clock } from '../clock.ts';

/** Longer delays make a Node timer fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** One timer for all that lies ahead: an idle process wakes for nothing else. */
export interface RefreshTimer {
  /** Replaces what was set before; no timer at all for an instant that never comes. */
  set(atMs: number): void;
}

/** @param onDue called at the instant that was set, or before it if that is more than 24 days away. */
export function createRefreshTimer(clock: Clock, onDue: () => void): RefreshTimer {
  let armedForMs = Number.POSITIVE_INFINITY;
  let cancel = (): void => {};

  return {
    set(atMs) {
      if (atMs === armedForMs) return;
      cancel();
      armedForMs = atMs;
      if (atMs === Number.POSITIVE_INFINITY) return;
      // Whole milliseconds, upwards: a timer that fires a fraction early would only wake up twice.
      const delayMs = Math.max(1, Math.ceil(atMs - clock.monotonicMs()));
      cancel = clock.after(Math.min(delayMs, MAX_DELAY_MS), () => {
        armedForMs = Number.POSITIVE_INFINITY;
        onDue();
      });
    },
  };
}
