import { deadlines } from '../../deadlines.ts';
import type { RetryClass } from '../explain/context.ts';

export interface RetryInput {
  readonly retry: RetryClass;
  /** What the answer's Retry-After said. */
  readonly retryAfterSeconds: number | undefined;
  /** Attempts so far, the failed one included. */
  readonly attempts: number;
  /** Since the exchange began. */
  readonly elapsedMs: number;
  /** In [0, 1). */
  readonly random: number;
}

/** Another attempt, after `waitMs`, that may last `attemptMs` at the most. */
export interface RetryStep {
  readonly waitMs: number;
  readonly attemptMs: number;
  readonly onlyIfAssertionChanged: boolean;
}

/** With less time than this, another attempt would only time out. */
const MIN_ATTEMPT_MS = 500;

/** A longer wait is the caller's to do: it is told so. */
const MAX_RETRY_AFTER_SECONDS = 5;

interface Schedule {
  /** Before the second attempt, the third, … */
  readonly waitsMs: readonly number[];
  readonly jitter: number;
  readonly budgetMs: number;
}

const schedules: Readonly<Record<RetryClass, Schedule>> = {
  none: { waitsMs: [], jitter: 0, budgetMs: 0 },
  // In the field 2 % of exchanges with a settled credential meet a replica that does not know it
  // (kedacore/keda#8152). The final answer must come within 5 s.
  propagation: { waitsMs: [1_000, 2_000], jitter: 0.1, budgetMs: deadlines.propagationMs },
  // Several clients never retry. The last attempt, 3.4 s after the first, bridges a fault of that length for them:
  // a promise of docs/caching.md.
  transient: { waitsMs: [400, 1_000, 2_000], jitter: 0.15, budgetMs: deadlines.exchangeMs },
  throttled: { waitsMs: [800, 1_600], jitter: 0.2, budgetMs: deadlines.exchangeMs },
  'if-assertion-changed': { waitsMs: [0], jitter: 0, budgetMs: deadlines.exchangeMs },
};

/** @returns undefined if the failure is final. */
export function toNextStep(input: RetryInput): RetryStep | undefined {
  const { waitsMs, jitter, budgetMs } = schedules[input.retry];
  const backoffMs = waitsMs[input.attempts - 1];
  const { retryAfterSeconds = 0 } = input;
  if (backoffMs === undefined || retryAfterSeconds > MAX_RETRY_AFTER_SECONDS) return undefined;
  // A wait that was asked for is followed exactly.
  const waitMs =
    retryAfterSeconds > 0
      ? retryAfterSeconds * 1_000
      : Math.round(backoffMs * (1 + jitter * input.random));
  const leftMs = budgetMs - input.elapsedMs - waitMs;
  if (leftMs < MIN_ATTEMPT_MS) return undefined;
  return {
    waitMs,
    attemptMs: Math.min(deadlines.attemptMs, leftMs),
    onlyIfAssertionChanged: input.retry === 'if-assertion-changed',
  };
}
