import type { LogFields, Logger } from '../../shared/logger.ts';
import type { ProxyError } from '../errors.ts';
import type { Entry, Failure } from './entry.ts';
import type { HeldToken } from './held-token.ts';

/** What operators are told of refreshes: every success, and every change between working and failing. */
export interface RefreshLog {
  refreshed(entry: Entry, held: HeldToken, durationMs: number): void;
  failed(entry: Entry, failure: Failure, retryInMs: number): void;
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
    failed(entry, failure, retryInMs) {
      logger.log('warning', 'token refresh fails, the cached token is served meanwhile', {
        ...toKeyFields(entry),
        ...toErrorFields(failure.error),
        expires_on: entry.held?.token.expiresAtSeconds,
        retry_in_s: Math.round(retryInMs / 1_000),
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
