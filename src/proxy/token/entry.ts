import type { ProxyError } from '../errors.ts';
import type { ExchangeRequest } from '../exchange.ts';
import type { HeldToken } from './held-token.ts';
import { MIN_SERVABLE_MS } from './refresh-policy.ts';
import type { Token } from './token-source.ts';

/** How an exchange ended; a value, so that one nobody waits for is no unhandled rejection. */
export type Outcome =
  | { readonly token: Token; readonly error?: undefined }
  | { readonly error: ProxyError; readonly token?: undefined };

/** The exchange that is running for a key: the only one. */
export interface Flight {
  readonly startedAtMs: number;
  readonly outcome: Promise<Outcome>;
}

/** The last exchange of a key if it failed, until one succeeds. Instants are on the monotonic clock. */
export interface Failure {
  readonly error: ProxyError;
  /** Failed exchanges in a row. */
  readonly failures: number;
  /** When the first of them failed. */
  readonly sinceMs: number;
  readonly atMs: number;
  /** Until when it answers callers who could only be helped by an exchange. */
  readonly rememberedUntilMs: number;
  /** Before this, no exchange is made for a key whose token still serves. */
  readonly retryAtMs: number;
  /** Whether the log tells of it, and so has to tell of its end. */
  readonly reported: boolean;
}

/** All that is known of a key. */
export interface Entry {
  /** Identity in lower case, and no caller's correlation ID. */
  readonly request: ExchangeRequest;
  held: HeldToken | undefined;
  usedAtMs: number;
  flight: Flight | undefined;
  failure: Failure | undefined;
}

/** How long the failure of a key without a token stays visible in the status. */
const FAILURE_SHOWN_MS = 600_000;

/** The last instant at which a token may be served. */
export function toLastServableAtMs(held: HeldToken): number {
  return held.token.expiresAtMonotonicMs - MIN_SERVABLE_MS;
}

/** From when on nothing in an entry is of use any longer, unless an exchange is running. */
export function toForgottenAtMs({ held, failure }: Entry): number {
  if (held !== undefined) return toLastServableAtMs(held) + 1;
  if (failure === undefined) return Number.NEGATIVE_INFINITY;
  return Math.max(failure.rememberedUntilMs, failure.atMs + FAILURE_SHOWN_MS);
}
