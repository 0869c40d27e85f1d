import type { Clock } from '../clock.ts';
import { type ErrorCode, toProxyError } from '../errors.ts';
import type { DenyReason, Metrics } from '../metrics/metrics.ts';
import { toAppServiceErrorResponse } from '../protocol/app-service.ts';
import { toErrorResponse } from '../protocol/imds.ts';
import { type Call, jsonType, reply } from './reply.ts';
import type { FailureLog } from './request-log.ts';

/** Answers a request with an error, counts it and logs it. */
export type Fail = (call: Call, thrown: unknown) => void;

export function createFail({
  clock,
  metrics,
  failures,
}: {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly failures: FailureLog;
}): Fail {
  return (call, thrown) => {
    const error = toProxyError(thrown);
    const { status, retryAfterSeconds, body } =
      call.protocol === 'app-service'
        ? toAppServiceErrorResponse(error, call.id)
        : toErrorResponse(error);
    const durationMs = clock.monotonicMs() - call.startedAtMs;

    // The end of such a request is uncertain, so its connection must not be reused.
    if (error.code.startsWith('ERR_HTTP_') || error.code === 'ERR_SHUTTING_DOWN') {
      call.response.shouldKeepAlive = false;
    }
    if (!call.response.headersSent) {
      reply(call, status, jsonType, body, toExtraHeaders(error.code, retryAfterSeconds));
    }
    metrics.requestFinished(call.route, status, durationMs);
    const reason = toDenyReason(error.code);
    if (reason !== undefined) metrics.denied(reason);
    // It has a subject once no rule can refuse it. The end of the process says nothing about its token.
    else if (call.subject !== undefined && error.code !== 'ERR_SHUTTING_DOWN') {
      metrics.tokenRequestFailed(error.code);
    }
    failures.failed(call, error, status, durationMs);
  };
}

function toExtraHeaders(code: ErrorCode, retryAfterSeconds: number | undefined): string[] {
  const headers: string[] = [];
  if (retryAfterSeconds !== undefined) headers.push('Retry-After', String(retryAfterSeconds));
  if (code === 'ERR_METHOD') headers.push('Allow', 'GET');
  // RFC 9110 §10.2.1: empty where a resource allows no method.
  if (code === 'ERR_IMDS_V2') headers.push('Allow', '');
  // RFC 9110 §15.5.2 requires a challenge. No registered scheme fits this secret.
  if (code === 'ERR_IDENTITY_HEADER') headers.push('WWW-Authenticate', 'Identity-Header');
  return headers;
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
    case 'ERR_IMDS_V2':
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
