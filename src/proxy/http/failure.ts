import type { Logger, LogLevel } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import { type ErrorCode, toProxyError } from '../errors.ts';
import { toAppServiceErrorResponse } from '../imds/app-service-error.ts';
import { toErrorResponse } from '../imds/error-response.ts';
import type { DenyReason, Metrics } from '../metrics/metrics.ts';
import { toRedactedUri } from './redacted-uri.ts';
import { type Call, jsonType, reply } from './reply.ts';

/** Answers a request with an error, and leaves one log line and the counts of it. */
export type Fail = (call: Call, thrown: unknown) => void;

export function createFail({
  clock,
  logger,
  metrics,
}: {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}): Fail {
  return (call, thrown) => {
    const error = toProxyError(thrown);
    const { status, retryAfterSeconds, body } =
      call.protocol === 'app-service'
        ? toAppServiceErrorResponse(error, call.id)
        : toErrorResponse(error);
    const durationMs = clock.monotonicMs() - call.startedAtMs;

    // Where such a request ends is not certain, so nothing may follow on its connection.
    if (error.code.startsWith('ERR_HTTP_') || error.code === 'ERR_SHUTTING_DOWN') {
      call.response.shouldKeepAlive = false;
    }
    if (!call.response.headersSent) {
      reply(call, status, jsonType, body, toExtraHeaders(error.code, retryAfterSeconds));
    }
    metrics.requestFinished(call.route, status, durationMs);
    const reason = toDenyReason(error.code);
    if (reason !== undefined) metrics.denied(reason);

    const level = toLevel(error.code, status);
    if (!logger.isEnabled(level)) return;
    logger.log(level, 'request was not served', {
      ...toLogFields(call, status, durationMs),
      error_code: error.code,
      error: error.message,
      aadsts: error.details.aadsts,
      correlation_id: error.details.correlationId,
      trace_id: error.details.traceId,
      hint: error.details.hint,
    });
  };
}

/** What every log line about a request says. */
export function toLogFields(
  { request, id }: Pick<Call, 'request' | 'id'>,
  status: number,
  durationMs: number,
): Record<string, string | number | undefined> {
  return {
    method: request.method,
    uri: toRedactedUri(request.url ?? ''),
    status,
    duration_ms: Math.round(durationMs * 1_000) / 1_000,
    request_id: id,
  };
}

function toExtraHeaders(code: ErrorCode, retryAfterSeconds: number | undefined): string[] {
  const headers: string[] = [];
  if (retryAfterSeconds !== undefined) headers.push('Retry-After', String(retryAfterSeconds));
  if (code === 'ERR_METHOD') headers.push('Allow', 'GET');
  // RFC 9110 §15.5.2 requires a challenge. No scheme is registered for a secret of this kind.
  if (code === 'ERR_IDENTITY_HEADER') headers.push('WWW-Authenticate', 'Identity-Header');
  return headers;
}

function toLevel(code: ErrorCode, status: number): LogLevel {
  if (status === 500) return 'error';
  // SDKs begin with a request that lacks the header, and agents look for other clouds' metadata: neither
  // is news, and the metrics count both.
  if (code === 'ERR_METADATA_HEADER' || code === 'ERR_PATH') return 'debug';
  return status === 401 || status === 429 || status > 500 ? 'warning' : 'info';
}

function toDenyReason(code: ErrorCode): DenyReason | undefined {
  switch (code) {
    case 'ERR_METADATA_HEADER':
      return 'metadata_header';
    case 'ERR_FORWARDED':
      return 'forwarded';
    case 'ERR_HOST':
      return 'host';
    case 'ERR_IDENTITY_HEADER':
      return 'identity_header';
    case 'ERR_METHOD':
      return 'method';
    case 'ERR_PATH':
      return 'path';
    case 'ERR_IDENTITY_NOT_FOUND':
    case 'ERR_IDENTITY_CONFLICT':
    case 'ERR_IDENTITY_AMBIGUOUS':
      return 'identity';
    case 'ERR_IDENTITY_NOT_ALLOWED':
    case 'ERR_RESOURCE_NOT_ALLOWED':
      return 'allow_list';
    case 'ERR_LOOP':
      return 'loop';
    default:
      return undefined;
  }
}
