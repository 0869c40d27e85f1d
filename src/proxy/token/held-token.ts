import { ProxyError } from '../errors.ts';
import type { ExchangeRequest, IssuedToken } from '../exchange.ts';
import type { AgeClock } from './age-clock.ts';
import { MAX_LIFETIME_MS, MAX_TOKEN_BYTES, MIN_CLOCK_STEP_MS } from './policy.ts';
import { type TokenTimes, toRefreshDelayMs } from './renewal.ts';
import type { Token } from './token-source.ts';

/** A token with the facts that the cache needs. Instants are on the age clock. */
export interface HeldToken extends TokenTimes {
  readonly token: Token;
  /** When it was received, or when Entra last had nothing better. */
  readonly receivedAtMs: number;
  /** Entra's `expires_in`. */
  readonly lifetimeMs: number;
  /** Wall clock minus age clock, as the times of `token` were computed with. */
  readonly wallOffsetMs: number;
}

/** RFC 6749, appendix A.12: `VSCHAR`. Anything else could not be sent in a header. */
const tokenPattern = /^[\x20-\x7e]+$/;

/**
 * Takes a token in that has just been received. Its expiry is counted on our own clock from when it was
 * asked for, so that Entra's clock does not matter. Nothing that the exchange says is trusted to be sane.
 * @param suspendedMs how long the machine was suspended since the exchange began
 * @param random in [0, 1)
 * @throws ProxyError with ERR_UNAVAILABLE for a token that is malformed or would have no life left even if the
 * machine had not been suspended.
 */
export function toHeldToken(
  request: ExchangeRequest,
  issued: IssuedToken,
  age: AgeClock,
  suspendedMs: number,
  random: number,
): HeldToken {
  assertToken(issued?.accessToken);
  const nowMs = age.nowMs();
  const lifetimeMs = toFinite(issued.expiresInSeconds) * 1_000;
  const askedAtMs = nowMs - Math.max(0, toFinite(issued.elapsedMs)) - suspendedMs;
  const keptMs = Math.min(lifetimeMs, MAX_LIFETIME_MS);
  const expiresAtMs = askedAtMs + keptMs;
  if (!(expiresAtMs + suspendedMs > nowMs)) throw toUseless('a token that has no life left');
  const refreshInMs = toOptional(issued.refreshInSeconds, 1_000);
  const extLifetimeMs = toOptional(issued.extExpiresInSeconds, 1_000) ?? lifetimeMs;
  const { wallOffsetMs } = age;
  return {
    token: {
      accessToken: issued.accessToken,
      identity: request.identity,
      resource: request.resource,
      expiresAtMs,
      expiresAtSeconds: toSeconds(expiresAtMs + wallOffsetMs),
      issuedAtSeconds: toSeconds(nowMs + wallOffsetMs),
      extExpiresInSeconds: Math.min(Math.max(extLifetimeMs, 0), MAX_LIFETIME_MS) / 1_000,
    },
    receivedAtMs: nowMs,
    refreshAtMs: askedAtMs + toRefreshDelayMs(keptMs, refreshInMs, random),
    expiresAtMs,
    lifetimeMs: keptMs,
    wallOffsetMs,
  };
}

/**
 * The same token with the times of day that are right now, if the wall clock has been set back since they
 * were computed; `held` itself otherwise, so that all callers hear the same.
 */
export function toToldTimes(held: HeldToken, wallOffsetMs: number): HeldToken {
  if (held.wallOffsetMs - wallOffsetMs <= MIN_CLOCK_STEP_MS) return held;
  return {
    ...held,
    token: {
      ...held.token,
      expiresAtSeconds: toSeconds(held.expiresAtMs + wallOffsetMs),
      issuedAtSeconds: toSeconds(held.receivedAtMs + wallOffsetMs),
    },
    wallOffsetMs,
  };
}

/** The token that stays, after Entra has issued one with less life: its renewal is planned by its remaining life. */
export function toKept(held: HeldToken, nowMs: number, random: number): HeldToken {
  const delayMs = toRefreshDelayMs(held.expiresAtMs - nowMs, undefined, random);
  return { ...held, receivedAtMs: nowMs, refreshAtMs: nowMs + delayMs };
}

function assertToken(token: unknown): asserts token is string {
  if (typeof token !== 'string' || token === '') throw toUseless('no token');
  if (token.length > MAX_TOKEN_BYTES) {
    throw toUseless(`a token of ${token.length} bytes, more than ${MAX_TOKEN_BYTES}`);
  }
  if (!tokenPattern.test(token)) throw toUseless('a token that cannot be sent in a header');
}

function toFinite(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw toUseless('a token whose life is unknown');
}

function toOptional(value: unknown, factor: number): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value * factor : undefined;
}

/** The failure of an exchange whose token is of no use. */
export function toUseless(what: string): ProxyError {
  return new ProxyError('ERR_UNAVAILABLE', `Entra answered with ${what}`);
}

function toSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1_000);
}
