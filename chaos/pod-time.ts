import type { Clock } from '../src/proxy/clock.ts';
import { createEventClock } from '../test/support/event-clock.ts';

/** The clocks of a node, and the time that has really passed. */
export interface PodTime extends Clock {
  /** Since the beginning; also counts suspensions, which the monotonic clock does not. */
  readonly trueMs: number;
  /** The time of day that a correct clock would show. */
  readonly trueEpochMs: number;
  /**
   * How far the wall clock has been set forward since an instant of the monotonic clock. To the proxy, tokens of
   * that time look older by as much: it cannot tell such a step from a suspension (docs/caching.md, Clocks).
   */
  toForwardMs(sinceMs: number): number;
  /** Somebody sets the wall clock. */
  correct(ms: number): void;
  /** The machine sleeps: time passes, and the monotonic clock stands still. */
  suspend(ms: number): void;
  runUntil(monotonicMs: number): Promise<void>;
  readonly pendingTimers: number;
}

const startEpochMs = Date.UTC(2026, 0, 1);

export function createPodTime(): PodTime {
  const clock = createEventClock(startEpochMs);
  let suspendedMs = 0;
  const forwards: { readonly atMs: number; readonly ms: number }[] = [];

  return {
    epochMs: clock.epochMs,
    monotonicMs: clock.monotonicMs,
    after: clock.after,
    runUntil: clock.runUntil,
    get pendingTimers() {
      return clock.pendingTimers;
    },
    get trueMs() {
      return clock.monotonicMs() + suspendedMs;
    },
    get trueEpochMs() {
      return startEpochMs + clock.monotonicMs() + suspendedMs;
    },
    toForwardMs: (sinceMs) =>
      forwards.reduce((sum, { atMs, ms }) => (atMs >= sinceMs ? sum + ms : sum), 0),
    correct(ms) {
      clock.jumpEpoch(ms);
      if (ms > 0) forwards.push({ atMs: clock.monotonicMs(), ms });
    },
    suspend(ms) {
      clock.jumpEpoch(ms);
      suspendedMs += ms;
    },
  };
}
