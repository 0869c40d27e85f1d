import type { Clock } from '../clock.ts';
import { MIN_CLOCK_STEP_MS } from './policy.ts';

/**
 * The clock by which tokens age: the monotonic clock, plus the time for which the machine was suspended.
 *
 * The monotonic clock stands still while a machine is suspended, and tokens expire meanwhile. The wall clock
 * shows it, as a step forward. Such a step may also be a correction; treating it as a suspension costs a
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
  /** Wall clock minus monotonic clock, the lowest since the last step forward. */
  let lowestMs = clock.epochMs() - clock.monotonicMs();
  /** Steps forward that stay counted. */
  let countedMs = 0;
  /** The most that the wall clock has been ahead of `lowestMs`, up to the size of a step. */
  let aheadMs = 0;

  const age = {
    // On the path of every request: it writes nothing while the clocks go together.
    nowMs(): number {
      const monotonicMs = clock.monotonicMs();
      const offsetMs = clock.epochMs() - monotonicMs;
      if (offsetMs < lowestMs) {
        lowestMs = offsetMs;
        age.wallOffsetMs = lowestMs - countedMs;
      } else if (offsetMs - lowestMs > aheadMs) {
        aheadMs = offsetMs - lowestMs;
        if (aheadMs > MIN_CLOCK_STEP_MS) {
          countedMs += aheadMs;
          aheadMs = 0;
          lowestMs = offsetMs;
          onStep();
        }
      }
      return monotonicMs + countedMs + aheadMs;
    },
    wallOffsetMs: lowestMs,
  };
  return age;
}
