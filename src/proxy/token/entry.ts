import type { ProxyError } from '../errors.ts';
import type { HeldToken } from './held-token.ts';
import { FAILURE_SHOWN_MS } from './policy.ts';
import { isServable, toLastServableAtMs } from './renewal.ts';
import type { KeyedRequest, Token } from './token-source.ts';

/** How an exchange ended; a value, so that a failure nobody waits for is not an unhandled rejection. */
export type Outcome =
  | { readonly token: Token; readonly error?: undefined }
  | { readonly error: ProxyError; readonly token?: undefined };

/** The exchange that is running for a key: the only one. */
export interface Flight {
  readonly startedAtMs: number;
  readonly outcome: Promise<Outcome>;
  /** A caller waits for it who asked for a newer token, whatever its life. */
  wantsNewer: boolean;
}

/**
 * When an exchange failed: without a token to serve (`cold`), with one that was not due to be renewed
 * (`early`, after `bypass_cache`), or with one that was (`renewal`).
 */
export type FailureKind = 'cold' | 'early' | 'renewal';

/** The last exchange of a key if it failed, until one succeeds. Instants are on the age clock. */
export interface Failure {
  readonly error: ProxyError;
  readonly kind: FailureKind;
  /** Failed exchanges in a row; 0 after the assertion has changed. */
  readonly failures: number;
  /** When the first of them failed. */
  readonly sinceMs: number;
  readonly atMs: number;
  /** Until when it answers callers who could only be helped by an exchange. */
  readonly rememberedUntilMs: number;
  /** Before this, no exchange is made for a key whose token can still be served. */
  readonly retryAtMs: number;
  /** Whether the log has reported it, and so must report its end. */
  readonly reported: boolean;
}

/** All that is known of a key. */
export interface Entry {
  /** Without a caller's correlation ID. */
  readonly request: KeyedRequest;
  held: HeldToken | undefined;
  usedAtMs: number;
  /** How often somebody has asked for it. */
  uses: number;
  flight: Flight | undefined;
  failure: Failure | undefined;
}

/** The token of a key, if it may be served now. */
export function findServable({ held }: Entry, nowMs: number): HeldToken | undefined {
  return held !== undefined && isServable(held, nowMs) ? held : undefined;
}

/** When Entra may be asked for a newer token than the one that is held; a wait after a failure counts. */
export function toRenewalAtMs({ held, failure }: Entry): number {
  if (held === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(held.refreshAtMs, failure?.retryAtMs ?? 0);
}

/** Whether somebody has asked for a key within the last life of its token, seen from an instant. */
export function isInUse({ held, usedAtMs }: Entry, atMs: number): boolean {
  return held !== undefined && atMs - usedAtMs <= held.lifetimeMs;
}

/**
 * When the cache asks Entra for a key by itself if nobody asks for the key until then; undefined if it will
 * not: there is no token to renew, or it is gone by then, or the key is out of use by then. Schedule, status
 * and log all go by this.
 */
export function findNextRenewalAtMs(entry: Entry, nowMs: number): number | undefined {
  const held = findServable(entry, nowMs);
  if (held === undefined) return undefined;
  const atMs = Math.max(nowMs, toRenewalAtMs(entry));
  return isServable(held, atMs) && isInUse(entry, atMs) ? atMs : undefined;
}

/** Whether a failure stands between a key in use and a renewal that is due. */
export function isRenewalFailing(entry: Entry, nowMs: number): boolean {
  const { failure } = entry;
  const held = findServable(entry, nowMs);
  if (failure === undefined || held === undefined || !isInUse(entry, nowMs)) return false;
  return nowMs >= held.refreshAtMs && failure.retryAtMs > held.refreshAtMs;
}

/** From when on nothing in an entry is of use any longer, unless an exchange is running. */
export function toForgottenAtMs({ held, failure }: Entry): number {
  if (held !== undefined) return toLastServableAtMs(held) + 1;
  if (failure === undefined) return Number.NEGATIVE_INFINITY;
  return Math.max(failure.rememberedUntilMs, failure.atMs + FAILURE_SHOWN_MS);
}
