import { ProxyError } from '../errors.ts';
import {
  FIRST_RETRY_MS,
  MAX_RETRY_AFTER_MS,
  MAX_RETRY_MS,
  OUTAGE_MS,
  PROPAGATION_MS,
  REFUSAL_MS,
  RETRY_JITTER_SHARE,
  UNTIMED_THROTTLE_MS,
} from './policy.ts';

const PROPAGATION_AADSTS: ReadonlySet<number> = new Set([70021, 700211, 700212, 700213, 70025]);

/** `Retry-After` of a failure, an hour at most; undefined if nobody named one. */
export function toRetryAfterMs(error: ProxyError): number | undefined {
  const seconds = error.details.retryAfterSeconds;
  return seconds === undefined || !(seconds > 0)
    ? undefined
    : Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS);
}

/**
 * How long to wait before the next renewal of a key whose renewal has failed.
 *
 * After the first 429 exactly as long as Entra says. If Entra says one second each time, waits grow as after
 * other failures. The `Retry-After` of another failure, such as a 503, can make a wait longer, not shorter:
 * one or two seconds would turn an outage into polling.
 * @param failures how many exchanges have failed in a row, this one included
 * @param random in [0, 1)
 */
export function toRetryDelayMs(error: ProxyError, failures: number, random: number): number {
  const retryAfterMs = toRetryAfterMs(error);
  const isTimedThrottle = error.code === 'ERR_THROTTLED' && retryAfterMs !== undefined;
  if (isTimedThrottle && failures <= 1) return retryAfterMs;
  const doublings = isTimedThrottle ? failures - 2 : failures - 1;
  const plainMs = Math.min(FIRST_RETRY_MS * 2 ** doublings, MAX_RETRY_MS);
  const delayMs = plainMs * (1 + RETRY_JITTER_SHARE * (2 * random - 1));
  return Math.max(delayMs, retryAfterMs ?? 0);
}

/**
 * For how long the failure of an exchange is the answer for its key, without asking Entra again. It never
 * stands in the way of a token that may be served.
 */
export function toRememberedMs(error: ProxyError): number {
  switch (error.code) {
    case 'ERR_REJECTED':
      return PROPAGATION_AADSTS.has(error.details.aadsts ?? 0) ? PROPAGATION_MS : REFUSAL_MS;
    case 'ERR_THROTTLED':
      return toRetryAfterMs(error) ?? UNTIMED_THROTTLE_MS;
    case 'ERR_SHUTTING_DOWN':
      return 0;
    default:
      return OUTAGE_MS;
  }
}

/**
 * The failure as it is told to somebody who asks again. A throttled caller hears how much of the wait is
 * left, rounded up, so that coming back on time is never too early.
 */
export function toRememberedError(error: ProxyError, remainingMs: number): ProxyError {
  if (error.code !== 'ERR_THROTTLED') return error;
  const retryAfterSeconds = Math.max(1, Math.ceil(remainingMs / 1_000));
  return new ProxyError(error.code, error.message, { ...error.details, retryAfterSeconds });
}
