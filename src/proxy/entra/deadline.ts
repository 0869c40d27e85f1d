import type { Clock } from '../clock.ts';

/** What ends a piece of work, and how its end is told. */
export interface Deadline {
  readonly afterMs: number;
  readonly toError: () => Error;
}

/**
 * Settles as `promise` does, or rejects with the signal's reason as soon as that aborts. What becomes of
 * `promise` after that is of no interest to anybody, its rejection included.
 */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener('abort', onAbort);
        resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort);
        reject(error);
      },
    );
  });
}

/**
 * Runs `work` until the deadline or the parent's abort. The returned promise ends then even if `work` does
 * not heed its signal: a request that waits for its connection, or a read of a hung file system, does not.
 */
export async function withDeadline<T>(
  clock: Clock,
  { afterMs, toError }: Deadline,
  parent: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  parent.throwIfAborted();
  const own = new AbortController();
  const cancel = clock.after(afterMs, () => own.abort(toError()));
  const signal = AbortSignal.any([parent, own.signal]);
  try {
    return await untilAborted(work(signal), signal);
  } finally {
    cancel();
  }
}
