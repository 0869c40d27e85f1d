/** The two clocks of the process and its timers. Passed in everywhere, so that tests move time by hand. */
export interface Clock {
  /** Wall clock in milliseconds since 1970. It may jump: use it only for values that leave the process. */
  epochMs(): number;
  /** Milliseconds on a clock that never goes back. For ages, lifetimes and deadlines. */
  monotonicMs(): number;
  /**
   * Calls back once after `delayMs`. The timer alone does not keep the process alive.
   * @returns a function that cancels it; harmless after the call.
   */
  after(delayMs: number, callback: () => void): () => void;
}

/** The clock of the operating system. */
export const systemClock: Clock = {
  epochMs: () => Date.now(),
  // performance.now() is the same clock and loads 170 KB for it.
  monotonicMs: () => process.uptime() * 1_000,
  after(delayMs, callback) {
    // Node has a list of timers for each delay. It drops the list of a cancelled timer if that was the only one, but
    // not if the timer is unreferenced or its delay a fraction: then the list stays for as long as the delay.
    const timer = setTimeout(callback, Math.ceil(delayMs));
    timer.unref();
    return () => clearTimeout(timer.ref());
  },
};

/**
 * Resolves after `delayMs` on `clock`.
 * @throws the signal's reason as soon as it aborts; the timer is then cancelled.
 */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
