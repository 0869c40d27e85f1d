import { type Clock, sleep } from '../clock.ts';

/**
 * Bounds what a piece of work costs however many ask for it: it runs once at a time, at most once per
 * `pauseMs`, and everybody who asks before a run begins shares its outcome. So nobody is given anything
 * older than the question.
 * @returns the way to ask, which fails as the run does.
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
