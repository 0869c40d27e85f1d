import type { ErrorCode } from '../errors.ts';
import type { Identity } from '../exchange.ts';
import type { AgeClock } from './age-clock.ts';
import { type Entry, findNextRenewalAtMs, findServable, isRenewalFailing } from './entry.ts';
import { toToldTimes } from './held-token.ts';
import { toLastServableAtMs } from './renewal.ts';

/** A key in use whose renewal fails, or one without a token whose last exchange failed. Wall-clock seconds. */
export interface FailingKey {
  readonly identity: Identity;
  readonly resource: string;
  /** Whether a token is served meanwhile: then the failure is a refresh's and no caller notices. */
  readonly hasToken: boolean;
  readonly code: ErrorCode;
  readonly aadsts: number | undefined;
  readonly message: string;
  /** What to change, and the command alone, as the client and the log have them. */
  readonly hint?: string | undefined;
  readonly remedy?: string | undefined;
  /** Exchanges that failed in a row. */
  readonly failures: number;
  readonly sinceSeconds: number;
  readonly nextRetryAtSeconds: number;
  /** Whether the cache asks Entra by itself then; otherwise the first request from then on makes it ask. */
  readonly retriesByItself: boolean;
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
  /** The same among the tokens whose renewal fails. */
  readonly earliestFailingExpiresAtSeconds: number | undefined;
  readonly failing: readonly FailingKey[];
}

export function toCacheStatus(entries: Iterable<Entry>, age: AgeClock): CacheStatus {
  const nowMs = age.nowMs();
  const failing: FailingKey[] = [];
  let count = 0;
  let tokens = 0;
  let exchangesRunning = 0;
  let earliest: number | undefined;
  let earliestFailing: number | undefined;

  for (const entry of entries) {
    count += 1;
    if (entry.flight !== undefined) exchangesRunning += 1;
    const held = findServable(entry, nowMs);
    const failure = findFailing(entry, age, nowMs);
    if (failure !== undefined) failing.push(failure);
    if (held === undefined) continue;
    tokens += 1;
    const { expiresAtSeconds } = toToldTimes(held, age.wallOffsetMs).token;
    earliest = Math.min(earliest ?? expiresAtSeconds, expiresAtSeconds);
    if (failure !== undefined)
      earliestFailing = Math.min(earliestFailing ?? expiresAtSeconds, expiresAtSeconds);
  }
  return {
    tokens,
    entries: count,
    exchangesRunning,
    earliestExpiresAtSeconds: earliest,
    earliestFailingExpiresAtSeconds: earliestFailing,
    failing,
  };
}

/** The failure of a key; undefined if its renewals succeed, or nobody uses it. */
export function findFailing(entry: Entry, age: AgeClock, nowMs: number): FailingKey | undefined {
  const { request, failure } = entry;
  if (failure === undefined) return undefined;
  const held = findServable(entry, nowMs);
  if (held !== undefined && !isRenewalFailing(entry, nowMs)) return undefined;
  const renewalAtMs = findNextRenewalAtMs(entry, nowMs);
  const toSeconds = (atMs: number): number => Math.floor((atMs + age.wallOffsetMs) / 1_000);
  // A request makes Entra be asked when there is nothing to serve and nothing remembered.
  const lostAtMs = held === undefined ? nowMs : toLastServableAtMs(held) + 1;
  const askedAtMs = Math.max(lostAtMs, failure.rememberedUntilMs);
  const { code, details, message } = failure.error;
  return {
    identity: request.identity,
    resource: request.resource,
    hasToken: held !== undefined,
    code,
    aadsts: details.aadsts,
    message,
    hint: details.hint,
    remedy: details.remedy,
    failures: failure.failures,
    sinceSeconds: toSeconds(failure.sinceMs),
    nextRetryAtSeconds: toSeconds(renewalAtMs ?? askedAtMs),
    retriesByItself: renewalAtMs !== undefined,
  };
}
