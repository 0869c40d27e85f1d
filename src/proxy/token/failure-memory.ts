import { ProxyError } from '../errors.ts';
import {
  ASSERTION_FAULT_MS,
  FIRST_RETRY_MS,
  MAX_OUTAGE_MS,
  MAX_RETRY_AFTER_MS,
  MAX_RETRY_MS,
  MAX_RETRY_SHARE,
  OUTAGE_MS,
  OUTAGE_SHARE,
  PROPAGATION_MS,
  REFUSAL_MS,
  RETRY_AFTER_SPREAD,
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

/** A failure as the policy sees it. */
export interface FailureFacts {
  readonly error: ProxyError;
  /** How many exchanges of the key have failed in a row, this one included. */
  readonly failures: number;
  /** Since the first of them failed. */
  readonly failingMs: number;
  /** For how long the cached token can be served; 0 without one. */
  readonly servableMs: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * How long to wait before the next renewal of a key whose renewal has failed.
 *
 * After the first 429 as long as Entra says, and a little longer. If Entra says one second each time, waits grow
 * as after other failures. The `Retry-After` of another failure, such as a 503, can make a wait longer, not
 * shorter: one or two seconds would turn an outage into polling.
 */
export function toRetryDelayMs({ error, failures, servableMs, random }: FailureFacts): number {
  const retryAfterMs = toRetryAfterMs(error);
  const isTimedThrottle = error.code === 'ERR_THROTTLED' && retryAfterMs !== undefined;
  if (isTimedThrottle && failures <= 1) return toSpread(retryAfterMs, random);
  const doublings = isTimedThrottle ? failures - 2 : failures - 1;
  const mostMs = Math.min(MAX_RETRY_MS, Math.max(FIRST_RETRY_MS, servableMs * MAX_RETRY_SHARE));
  const plainMs = Math.min(FIRST_RETRY_MS * 2 ** doublings, mostMs);
  const delayMs = plainMs * (1 + RETRY_JITTER_SHARE * (2 * random - 1));
  if (retryAfterMs === undefined) return delayMs;
  return Math.max(delayMs, isTimedThrottle ? toSpread(retryAfterMs, random) : retryAfterMs);
}

/**
 * For how long the failure of an exchange is the answer for its key, without asking Entra again. It never
 * stands in the way of a token that may be served.
 */
export function toRememberedMs({ error, failingMs, random }: FailureFacts): number {
  switch (error.code) {
    case 'ERR_REJECTED':
      return PROPAGATION_AADSTS.has(error.details.aadsts ?? 0) ? PROPAGATION_MS : REFUSAL_MS;
    case 'ERR_THROTTLED':
      return toSpread(toRetryAfterMs(error) ?? UNTIMED_THROTTLE_MS, random);
    case 'ERR_ASSERTION':
      return ASSERTION_FAULT_MS;
    case 'ERR_SHUTTING_DOWN':
      return 0;
    default:
      return toOutageMs(failingMs) * (1 + RETRY_JITTER_SHARE * random);
  }
}

/** The longer an outage has lasted, the less often it is worth asking whether it is over. */
function toOutageMs(failingMs: number): number {
  return Math.min(Math.max(OUTAGE_MS, failingMs * OUTAGE_SHARE), MAX_OUTAGE_MS);
}

/** Longer only: Entra refuses whoever comes back before its time. */
function toSpread(retryAfterMs: number, random: number): number {
  return retryAfterMs * (1 + RETRY_AFTER_SPREAD * random);
}

/**
 * The failure as callers are told it: with the time after which an exchange can be made, rounded up, so that
 * coming back on time is never too early. Entra's `Retry-After` of an outage counts if it is longer.
 * @param remainingMs for how long the failure is still remembered.
 */
export function toToldError(error: ProxyError, remainingMs: number): ProxyError {
  const remainingSeconds = Math.max(1, Math.ceil(remainingMs / 1_000));
  const retryAfterSeconds = isOutage(error)
    ? Math.max(remainingSeconds, error.details.retryAfterSeconds ?? 0)
    : remainingSeconds;
  if (!isOutage(error) && error.code !== 'ERR_THROTTLED') return error;
  return new ProxyError(error.code, error.message, { ...error.details, retryAfterSeconds });
}

/** Whether Entra, the network or the proxy itself has failed. It says nothing about the key. */
function isOutage({ code }: ProxyError): boolean {
  return code === 'ERR_UNAVAILABLE' || code === 'ERR_TIMEOUT' || code === 'ERR_INTERNAL';
}
