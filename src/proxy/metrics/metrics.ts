import type { ErrorCode } from '../errors.ts';
import type { CacheResult } from '../token/token-source.ts';

/** What a request was for; a fixed set, so that the label stays small. */
export type Route = 'token' | 'readyz' | 'passthrough' | 'other';

/** How an exchange ended. */
export type ExchangeResult =
  | 'success'
  | 'throttled'
  | 'rejected'
  | 'unavailable'
  | 'timeout'
  | 'assertion_error'
  | 'internal_error';

/** Why a request was refused before it could mean anything. */
export type DenyReason =
  | 'metadata_header'
  | 'forwarded'
  | 'host'
  | 'identity_header'
  | 'method'
  | 'path'
  | 'allow_list'
  | 'loop';

/** Where the parts of the proxy count. Calls are cheap: no allocation, no library. */
export interface Metrics {
  requestStarted(): void;
  requestFinished(route: Route, status: number, durationMs: number): void;
  denied(reason: DenyReason): void;
  cache(result: CacheResult): void;
  exchange(result: ExchangeResult, durationMs: number): void;
  refreshFailed(code: ErrorCode): void;
  passthrough(status: number): void;
  assertionSeen(expiresAtSeconds: number): void;
  assertionReadError(): void;
}
