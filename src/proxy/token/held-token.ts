import type { Clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import type { ExchangeRequest, IssuedToken } from '../exchange.ts';
import { toRefreshDelayMs } from './refresh-policy.ts';
import type { Token } from './token-source.ts';

/** How far the wall clock may move against the monotonic one before a token's times are computed anew. */
const MAX_DRIFT_MS = 30_000;

/** A token with what its keeper has to know of it. Instants are on the monotonic clock. */
export interface HeldToken {
  readonly token: Token;
  readonly receivedAtMs: number;
  readonly refreshAtMs: number;
  /** Entra's `expires_in`. */
  readonly lifetimeMs: number;
  /** Wall clock minus monotonic clock, as `token` was computed with. */
  readonly clockOffsetMs: number;
}

/**
 * Takes a token in that has just been received. Its expiry is counted on our own clock from when it was
 * asked for, so that Entra's clock does not matter.
 * @param askedOffsetMs wall clock minus monotonic clock when the exchange began
 * @param random in [0, 1)
 * @throws ProxyError with ERR_UNAVAILABLE for a token that is empty or has no life left.
 */
export function toHeldToken(
  request: ExchangeRequest,
  issued: IssuedToken,
  clock: Clock,
  askedOffsetMs: number,
  random: number,
): HeldToken {
  const nowMs = clock.monotonicMs();
  const lifetimeMs = issued.expiresInSeconds * 1_000;
  const askedAtMs = nowMs - Math.max(0, issued.elapsedMs);
  const refreshInMs =
    issued.refreshInSeconds === undefined ? undefined : issued.refreshInSeconds * 1_000;
  const held = followClocks(
    {
      token: {
        accessToken: issued.accessToken,
        identity: request.identity,
        resource: request.resource,
        expiresAtMonotonicMs: askedAtMs + lifetimeMs,
        expiresAtSeconds: toSeconds(askedAtMs + lifetimeMs + askedOffsetMs),
        issuedAtSeconds: toSeconds(nowMs + askedOffsetMs),
        extExpiresInSeconds: issued.extExpiresInSeconds,
      },
      receivedAtMs: nowMs,
      refreshAtMs: askedAtMs + toRefreshDelayMs(lifetimeMs, refreshInMs, random),
      lifetimeMs,
      clockOffsetMs: askedOffsetMs,
    },
    clock.epochMs(),
    nowMs,
  );
  if (issued.accessToken === '') throw toUseless('an empty token');
  const remainingMs = held.token.expiresAtMonotonicMs - nowMs;
  if (!(remainingMs > 0 && remainingMs < Number.POSITIVE_INFINITY)) {
    throw toUseless('a token that has no life left');
  }
  return held;
}

function toUseless(what: string): ProxyError {
  return new ProxyError('ERR_UNAVAILABLE', `Entra answered with ${what}`);
}

/**
 * The same token after the wall clock has jumped against the monotonic one; `held` itself if it has not.
 *
 * A jump forward may be a correction, but it may as well be a suspended machine, on which the monotonic
 * clock stands still while the token ages: so the token counts as older by the jump. That costs a refresh
 * at worst; the other choice would hand out expired tokens. A jump back is a correction for certain and
 * changes only the time of day at which clients are told that the token expires.
 */
export function followClocks(held: HeldToken, epochMs: number, monotonicMs: number): HeldToken {
  const clockOffsetMs = epochMs - monotonicMs;
  const driftMs = clockOffsetMs - held.clockOffsetMs;
  if (Math.abs(driftMs) <= MAX_DRIFT_MS) return held;
  const agedMs = Math.max(0, driftMs);
  const expiresAtMs = held.token.expiresAtMonotonicMs - agedMs;
  const receivedAtMs = held.receivedAtMs - agedMs;
  return {
    token: {
      ...held.token,
      expiresAtMonotonicMs: expiresAtMs,
      expiresAtSeconds: toSeconds(expiresAtMs + clockOffsetMs),
      issuedAtSeconds: toSeconds(receivedAtMs + clockOffsetMs),
    },
    receivedAtMs,
    refreshAtMs: held.refreshAtMs - agedMs,
    lifetimeMs: held.lifetimeMs,
    clockOffsetMs,
  };
}

function toSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1_000);
}
