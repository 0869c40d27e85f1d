import type { ProxyError } from '../errors.ts';

const FIRST_DELAY_MS = 30_000;
const MAX_DELAY_MS = 300_000;
/** Share of the delay by which it varies either way, so that the pods of a node spread out. */
const JITTER_SHARE = 0.2;

/** Longest `Retry-After` that is believed; MSAL's own limit. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** `Retry-After` of a failure, limited to an hour; undefined if nobody named one. */
export function toRetryAfterMs(error: ProxyError): number | undefined {
  const seconds = error.details.retryAfterSeconds;
  return seconds === undefined || !(seconds >= 0)
    ? undefined
    : Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS);
}

/**
 * How long to wait before the next background refresh of a key whose refresh has failed.
 *
 * A throttled key waits exactly as long as it was told to. Another `Retry-After`, such as a 503's, can
 * lengthen the delay but not shorten it: one or two seconds would turn an outage into polling.
 * @param failures how many exchanges have failed in a row, this one included
 * @param random in [0, 1)
 */
export function toRetryDelayMs(error: ProxyError, failures: number, random: number): number {
  const retryAfterMs = toRetryAfterMs(error);
  if (retryAfterMs !== undefined && error.code === 'ERR_THROTTLED') return retryAfterMs;
  const plainMs = Math.min(FIRST_DELAY_MS * 2 ** (failures - 1), MAX_DELAY_MS);
  const delayMs = plainMs * (1 + JITTER_SHARE * (2 * random - 1));
  return Math.max(delayMs, retryAfterMs ?? 0);
}
