import type { LogFields, Logger } from '../../shared/logger.ts';
import type { ProxyError } from '../errors.ts';
import { type Entry, type Failure, findNextRenewalAtMs } from './entry.ts';
import type { HeldToken } from './held-token.ts';

/** Logs renewals for operators: every success, and every change between working and failing. */
export interface RefreshLog {
  refreshed(entry: Entry, held: HeldToken, durationMs: number): void;
  /** Entra has issued a token that expires before the one in the cache, which stays. */
  kept(entry: Entry, issued: HeldToken): void;
  failed(entry: Entry, failure: Failure, nowMs: number): void;
  /** A caller has asked for a newer token, before one was due, and did not get it. */
  refused(entry: Entry, failure: Failure, nowMs: number): void;
  recovered(entry: Entry, failure: Failure): void;
  /** The token of a failing key can no longer be served. */
  lost(entry: Entry, failure: Failure): void;
}

export function createRefreshLog(logger: Logger): RefreshLog {
  return {
    refreshed(entry, held, durationMs) {
      logger.log('info', 'refreshed token', {
        ...toKeyFields(entry),
        expires_on: held.token.expiresAtSeconds,
        duration_ms: Math.round(durationMs),
      });
    },
    kept(entry, issued) {
      logger.log('info', 'the new token expires before the cached one, which is kept', {
        ...toKeyFields(entry),
        expires_on: entry.held?.token.expiresAtSeconds,
        new_expires_on: issued.token.expiresAtSeconds,
      });
    },
    failed(entry, failure, nowMs) {
      logger.log('warning', 'token refresh fails, the cached token is served meanwhile', {
        ...toKeyFields(entry),
        ...toErrorFields(failure.error),
        expires_on: entry.held?.token.expiresAtSeconds,
        retry_in_s: toRetryInSeconds(entry, nowMs),
      });
    },
    refused(entry, failure, nowMs) {
      logger.log('info', 'no newer token for bypass_cache, the cached token is served', {
        ...toKeyFields(entry),
        ...toErrorFields(failure.error),
        expires_on: entry.held?.token.expiresAtSeconds,
        retry_in_s: toRetryInSeconds(entry, nowMs),
      });
    },
    recovered(entry, failure) {
      logger.log('info', 'token refresh works again', {
        ...toKeyFields(entry),
        failures: failure.failures,
      });
    },
    lost(entry, failure) {
      logger.log('warning', 'token is about to expire and could not be refreshed', {
        ...toKeyFields(entry),
        ...toErrorFields(failure.error),
        failures: failure.failures,
      });
    },
  };
}

/** Absent if the cache will not ask by itself. */
function toRetryInSeconds(entry: Entry, nowMs: number): number | undefined {
  const atMs = findNextRenewalAtMs(entry, nowMs);
  return atMs === undefined ? undefined : Math.round((atMs - nowMs) / 1_000);
}

function toKeyFields({ request }: Entry): LogFields {
  return {
    client_id: request.identity.clientId,
    tenant_id: request.identity.tenantId,
    resource: request.resource,
  };
}

function toErrorFields(error: ProxyError): LogFields {
  return {
    error_code: error.code,
    reason: error.message,
    aadsts: error.details.aadsts,
    correlation_id: error.details.correlationId,
    trace_id: error.details.traceId,
  };
}
