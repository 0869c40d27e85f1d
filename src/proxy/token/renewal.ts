import {
  LONG_LIVED_MS,
  LONG_LIVED_SHARE,
  MAX_JITTER_MS,
  MAX_JITTER_SHARE,
  MIN_REFRESH_IN_MS,
  MIN_SERVABLE_MS,
  REFRESH_AHEAD_MS,
  REFRESH_SHARE,
  WAIT_BELOW_MS,
} from './policy.ts';

/** When a token is due for renewal and when it expires; both on the same clock. */
export interface TokenTimes {
  readonly refreshAtMs: number;
  readonly expiresAtMs: number;
}

/** What may be done with a token that is held. */
export type Freshness = 'fresh' | 'stale-while-refresh' | 'wait-for-refresh' | 'expired';

/**
 * How long after its request a token is due for renewal. Jitter makes that earlier, never later, so that
 * pods that started together do not ask together.
 *
 * A token too short-lived to leave ten minutes is renewed at half of its life.
 * @param refreshInMs Entra's `refresh_in`, which counts if it comes first.
 * @param random in [0, 1)
 */
export function toRefreshDelayMs(
  lifetimeMs: number,
  refreshInMs: number | undefined,
  random: number,
): number {
  const share = lifetimeMs > LONG_LIVED_MS ? LONG_LIVED_SHARE : REFRESH_SHARE;
  const wished = Math.min(lifetimeMs * share, toUsableRefreshInMs(refreshInMs));
  const ahead = Math.min(wished, lifetimeMs - REFRESH_AHEAD_MS);
  const delayMs = Math.max(ahead, Math.min(wished, lifetimeMs / 2));
  return delayMs - random * Math.min(delayMs * MAX_JITTER_SHARE, MAX_JITTER_MS);
}

function toUsableRefreshInMs(refreshInMs: number | undefined): number {
  return refreshInMs !== undefined && refreshInMs >= MIN_REFRESH_IN_MS
    ? refreshInMs
    : Number.POSITIVE_INFINITY;
}

/** The last instant at which a token may be served. */
export function toLastServableAtMs({ expiresAtMs }: TokenTimes): number {
  return expiresAtMs - MIN_SERVABLE_MS;
}

/** Whether a token may be served from the cache: the one place that decides it. */
export function isServable(times: TokenTimes, nowMs: number): boolean {
  return nowMs <= toLastServableAtMs(times);
}

/**
 * What may be done with a token now. As time passes, the answer only ever moves on in the order of the
 * union.
 *
 * Before its renewal is due, a token is fresh however short its life: a new one would be as short.
 */
export function toFreshness(times: TokenTimes, nowMs: number): Freshness {
  if (!isServable(times, nowMs)) return 'expired';
  if (nowMs < times.refreshAtMs) return 'fresh';
  return times.expiresAtMs - nowMs < WAIT_BELOW_MS ? 'wait-for-refresh' : 'stale-while-refresh';
}
