const MINUTE_MS = 60_000;

/**
 * Life that a token must have left to be served from the cache: what a caller may need to use it once,
 * clocks a little apart included.
 */
export const MIN_SERVABLE_MS = 30_000;

/**
 * Below this a caller is better served by waiting a moment for the refresh: MSAL for Python and Java take
 * a token with less than five minutes for expired and ask again in a loop.
 */
const WAIT_BELOW_MS = 5 * MINUTE_MS + 30_000;

/** How long an exchange may have run before callers with a usable token stop waiting for it. */
export const PATIENCE_MS = 5_000;

/** Refreshed no later than this before it expires, so that callers rarely see less (Azure SDKs' own margin is five). */
const REFRESH_AHEAD_MS = 10 * MINUTE_MS;

/** Clients refresh tokens that live longer than this at half of their life: the cache has to be first. */
const LONG_LIVED_MS = 120 * MINUTE_MS;

/** A `refresh_in` below this would make an exchange loop of every key; it is then taken for absent. */
const MIN_REFRESH_IN_MS = 30_000;

const MAX_JITTER_SHARE = 0.05;
const MAX_JITTER_MS = 5 * MINUTE_MS;

/** What may be done with a token that is held. */
export type Freshness = 'fresh' | 'stale-while-refresh' | 'wait-for-refresh' | 'expired';

/**
 * How long after it was asked for a token is to be refreshed. Jitter brings that forward, never back, so that
 * pods that started together do not ask together.
 *
 * A token too short-lived to leave ten minutes is refreshed at half of its life.
 * @param random in [0, 1)
 */
export function toRefreshDelayMs(
  lifetimeMs: number,
  refreshInMs: number | undefined,
  random: number,
): number {
  const wished = isUsableRefreshIn(refreshInMs, lifetimeMs)
    ? refreshInMs
    : lifetimeMs * (lifetimeMs > LONG_LIVED_MS ? 0.5 : 0.8);
  const ahead = Math.min(wished, lifetimeMs - REFRESH_AHEAD_MS);
  const delayMs = Math.max(ahead, Math.min(wished, lifetimeMs / 2));
  return delayMs - random * Math.min(delayMs * MAX_JITTER_SHARE, MAX_JITTER_MS);
}

function isUsableRefreshIn(
  refreshInMs: number | undefined,
  lifetimeMs: number,
): refreshInMs is number {
  return refreshInMs !== undefined && refreshInMs >= MIN_REFRESH_IN_MS && refreshInMs < lifetimeMs;
}

/**
 * What may be done now with a token; all three instants on the monotonic clock. As time passes, the answer
 * only ever moves on in the order of the union.
 *
 * Before its refresh is due, a token is fresh however short its life: a new one would be as short.
 */
export function toFreshness(refreshAtMs: number, expiresAtMs: number, nowMs: number): Freshness {
  const remainingMs = expiresAtMs - nowMs;
  if (!(remainingMs >= MIN_SERVABLE_MS)) return 'expired';
  if (nowMs < refreshAtMs) return 'fresh';
  return remainingMs < WAIT_BELOW_MS ? 'wait-for-refresh' : 'stale-while-refresh';
}
