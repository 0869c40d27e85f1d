import { type Clock, sleep } from '../clock.ts';

/**
 * Limits the cost of some work for any number of callers. It runs once at a time and at most once per
 * `pauseMs`. All who call before a run begins share its result, so that no result is older than the call.
 * @returns the function to call. It rejects if the run does.
 */
export function shareRuns<T>(
  clock: Clock,
  pauseMs: number,
  run: () => Promise<T>,
): () => Promise<T> {
  let begunAtMs = Number.NEGATIVE_INFINITY;
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;

  const runNext = async (): Promise<T> => {
    await running;
    const waitMs = begunAtMs + pauseMs - clock.monotonicMs();
    if (waitMs > 0) await sleep(clock, waitMs, new AbortController().signal);
    next = undefined;
    begunAtMs = clock.monotonicMs();
    const outcome = run();
    running = outcome.catch(() => {});
    return outcome;
  };

  return () => {
    next ??= runNext();
    return next;
  };
}
