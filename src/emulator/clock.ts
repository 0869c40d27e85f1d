/** Time as the emulator sees it; injected, so that tests move it by hand. */
export interface Clock {
  /** Wall clock in milliseconds since 1970, for tokens and journals. */
  epochMs(): number;
  /** Milliseconds on a clock that never goes back: ages and durations. */
  monotonicMs(): number;
  /** Calls back once after `delayMs` and returns a function that cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The clock of the operating system. Its timers alone do not keep the process alive. */
export const systemClock: Clock = {
  epochMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
