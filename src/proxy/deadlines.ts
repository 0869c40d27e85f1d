import { READ_DEADLINE_MS } from '../shared/small-file.ts';
import type { Clock } from './clock.ts';

const SECOND_MS = 1_000;

/** When the proxy stops after SIGTERM if nothing else is set: below Kubernetes' default grace period of 30 s. */
export const DEFAULT_DRAIN_DEADLINE_MS = 25 * SECOND_MS;

/**
 * Every deadline of one token request, from the outside in. Each inner one ends early enough for the outer one
 * to say what happened.
 */
export const deadlines = {
  /** The cache gives up an exchange that has missed its own deadline: something in the proxy is broken. */
  cacheMs: 30 * SECOND_MS,
  /** A caller whose cached token is about to expire waits this long for a newer one, then gets the cached one. */
  patienceMs: 5 * SECOND_MS,
  /** All attempts of one exchange. With the way back, a caller has its answer within 25 s. */
  exchangeMs: 23 * SECOND_MS,
  /** One attempt, and each part of its answer: headers, and the time between two pieces of the body. */
  attemptMs: 10 * SECOND_MS,
  /** Half of an attempt: until TCP is connected, and then until TLS is. */
  connectMs: 5 * SECOND_MS,
  /** All attempts while Entra's replicas do not agree on a federated credential. */
  propagationMs: 5 * SECOND_MS,
  /** One read of a token or CA file. */
  readMs: READ_DEADLINE_MS,
} as const;

/** When a piece of work ends, and the error that it ends with. */
export interface Deadline {
  readonly afterMs: number;
  readonly toError: () => Error;
}

/**
 * Settles as `promise` does, or rejects with the signal's reason as soon as that aborts. After that, whatever
 * `promise` does is ignored, including a rejection.
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
 * Runs `work` until the deadline or the parent's abort. The returned promise ends then even if `work` ignores
 * its signal, as a request that waits for its connection does, or a read of a hung file system.
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
