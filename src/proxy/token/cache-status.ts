import type { Clock } from '../clock.ts';
import type { ErrorCode } from '../errors.ts';
import type { Identity } from '../exchange.ts';
import { type Entry, toLastServableAtMs } from './entry.ts';
import { followClocks } from './held-token.ts';

/** A key whose last exchange failed. Wall-clock seconds. */
export interface FailingKey {
  readonly identity: Identity;
  readonly resource: string;
  /** Whether a token is served meanwhile: then the failure is a refresh's and no caller notices. */
  readonly hasToken: boolean;
  readonly code: ErrorCode;
  readonly aadsts: number | undefined;
  readonly message: string;
  /** Exchanges that failed in a row. */
  readonly failures: number;
  readonly sinceSeconds: number;
  /** When Entra is asked again: by itself if there is a token in use, otherwise on the first request from then on. */
  readonly nextRetryAtSeconds: number;
}

/** The state of the cache for readiness, metrics and people. Reading it changes nothing. */
export interface CacheStatus {
  /** Tokens that may be served now. */
  readonly tokens: number;
  /** Keys that are known of: with a token, with an exchange running or with a remembered failure. */
  readonly entries: number;
  readonly exchangesRunning: number;
  /** Expiry of the first of the tokens to expire, in seconds since 1970. */
  readonly earliestExpiresAtSeconds: number | undefined;
  readonly failing: readonly FailingKey[];
}

export function toCacheStatus(entries: Iterable<Entry>, clock: Clock): CacheStatus {
  const nowMs = clock.monotonicMs();
  const epochMs = clock.epochMs();
  const toSeconds = (atMs: number): number => Math.floor((epochMs + atMs - nowMs) / 1_000);
  const failing: FailingKey[] = [];
  let count = 0;
  let tokens = 0;
  let exchangesRunning = 0;
  let earliest = Number.POSITIVE_INFINITY;

  for (const { request, held: cached, flight, failure } of entries) {
    const held = cached && followClocks(cached, epochMs, nowMs);
    const hasToken = held !== undefined && nowMs <= toLastServableAtMs(held);
    count += 1;
    if (flight !== undefined) exchangesRunning += 1;
    if (hasToken) {
      tokens += 1;
      earliest = Math.min(earliest, held.token.expiresAtSeconds);
    }
    if (failure !== undefined) {
      const retryAtMs = hasToken ? failure.retryAtMs : failure.rememberedUntilMs;
      failing.push({
        identity: request.identity,
        resource: request.resource,
        hasToken,
        code: failure.error.code,
        aadsts: failure.error.details.aadsts,
        message: failure.error.message,
        failures: failure.failures,
        sinceSeconds: toSeconds(failure.sinceMs),
        nextRetryAtSeconds: toSeconds(Math.max(retryAtMs, nowMs)),
      });
    }
  }
  return {
    tokens,
    entries: count,
    exchangesRunning,
    earliestExpiresAtSeconds: tokens === 0 ? undefined : earliest,
    failing,
  };
}
