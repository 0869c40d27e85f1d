import type { Clock } from '../../src/proxy/clock.ts';

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /**
   * Moves both clocks on, firing due timers in order, each at its own instant, and lets promise chains
   * settle after each of them.
   */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock alone, as an administrator or NTP would. */
  jumpEpoch(ms: number): void;
  /** How many timers are waiting. */
  readonly pendingTimers: number;
}

export function createManualClock(startEpochMs = Date.UTC(2026, 0, 1)): ManualClock {
  let epochMs = startEpochMs;
  let monotonicMs = 1_000;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  const moveTo = (at: number): void => {
    epochMs += at - monotonicMs;
    monotonicMs = at;
  };

  return {
    epochMs: () => epochMs,
    monotonicMs: () => monotonicMs,
    after(delayMs, callback) {
      const timer = { at: monotonicMs + Math.max(0, delayMs), callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const end = monotonicMs + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.delete(due);
        moveTo(due.at);
        due.callback();
        await settle();
      }
      moveTo(end);
      await settle();
    },
    jumpEpoch(ms) {
      epochMs += ms;
    },
    get pendingTimers() {
      return timers.size;
    },
  };
}

/** Lets every promise chain continue as far as it can. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
