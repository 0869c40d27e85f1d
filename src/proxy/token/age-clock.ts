import type { Clock } from '../clock.ts';
import { MIN_CLOCK_STEP_MS } from './policy.ts';

/**
 * The clock by which tokens age: the monotonic clock, plus the time for which the machine was suspended.
 *
 * The monotonic clock stands still while a machine is suspended, and tokens expire meanwhile. The wall clock
 * shows it, as a step forward. Such a step may also be a correction; to take it for a suspension costs a
 * renewal, and the other choice would hand out expired tokens. So every step forward counts, from the
 * lowest that the wall clock has been against the monotonic one. A step back is always a correction.
 */
export interface AgeClock {
  /** Milliseconds on this clock. It never goes back. */
  nowMs(): number;
  /** Wall clock minus this clock, when `nowMs` was last called: falls with each step back, else constant. */
  readonly wallOffsetMs: number;
}

/** @param onStep called from `nowMs` after a step forward, when instants that lay ahead may be past. */
export function createAgeClock(clock: Clock, onStep: () => void): AgeClock {
  let lowestMs = clock.epochMs() - clock.monotonicMs();
  let countedMs = 0;
  let lastMs = Number.NEGATIVE_INFINITY;

  return {
    nowMs() {
      const monotonicMs = clock.monotonicMs();
      const offsetMs = clock.epochMs() - monotonicMs;
      if (offsetMs < lowestMs) lowestMs = offsetMs;
      const aheadMs = offsetMs - lowestMs;
      const nowMs = monotonicMs + countedMs + aheadMs;
      if (aheadMs > MIN_CLOCK_STEP_MS) {
        countedMs += aheadMs;
        lowestMs = offsetMs;
        onStep();
      }
      if (nowMs > lastMs) lastMs = nowMs;
      return lastMs;
    },
    get wallOffsetMs() {
      return lowestMs - countedMs;
    },
  };
}
