/** The clocks of a run in real time, as far as faults move them. */
import type { TokenClocks } from '../served.ts';

export interface RealClocks extends TokenClocks {
  /** What a correct clock would show. */
  readonly trueMs: number;
  /** Milliseconds on the clock that faults do not move. */
  monotonicMs(): number;
  /** How far the world's clock is ahead of this machine's: the suspensions so far. */
  readonly worldOffsetMs: number;
  /** The same for the wall clock of the proxy, which somebody may have set. */
  readonly wallOffsetMs: number;
  /** Somebody sets the wall clock of the proxy. */
  correct(ms: number): void;
  /** The machine sleeps: time passes, and the monotonic clock stands still. */
  suspend(ms: number): void;
}

/** @param now this machine's wall clock and monotonic clock */
export function createRealClocks(
  now: { readonly epochMs: () => number; readonly monotonicMs: () => number } = {
    epochMs: Date.now,
    monotonicMs: () => performance.now(),
  },
): RealClocks {
  let worldOffsetMs = 0;
  let correctedMs = 0;
  const forwards: { readonly atMs: number; readonly ms: number }[] = [];
  return {
    monotonicMs: now.monotonicMs,
    get trueMs() {
      return now.epochMs() + worldOffsetMs;
    },
    get worldOffsetMs() {
      return worldOffsetMs;
    },
    get wallOffsetMs() {
      return worldOffsetMs + correctedMs;
    },
    toForwardMs: (sinceMs) =>
      forwards.reduce((sum, { atMs, ms }) => (atMs >= sinceMs ? sum + ms : sum), 0),
    correct(ms) {
      correctedMs += ms;
      if (ms > 0) forwards.push({ atMs: now.monotonicMs(), ms });
    },
    suspend(ms) {
      worldOffsetMs += ms;
    },
  };
}

/** Time in which this program or the proxy could not run, so that no caller may be said to have waited for it. */
export interface Stalls {
  add(ms: number): void;
  /** The sum so far. */
  readonly totalMs: number;
  stop(): void;
}

const TICK_MS = 50;
/** Timers are never exact. */
const USUAL_MS = 25;

/** Counts how late the timers of this process are. */
export function watchStalls(): Stalls {
  let totalMs = 0;
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    totalMs += Math.max(0, nowMs - lastMs - TICK_MS - USUAL_MS);
    lastMs = nowMs;
  }, TICK_MS);
  return {
    add(ms) {
      totalMs += ms;
    },
    get totalMs() {
      return totalMs;
    },
    stop: () => clearInterval(timer),
  };
}
