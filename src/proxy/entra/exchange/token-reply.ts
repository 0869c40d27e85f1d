import type { HttpReply } from '../transport/transport.ts';
import { parseObject } from './parse-object.ts';

/** What the token endpoint's answer means. */
export type TokenReply = IssuedReply | RefusedReply | MeaninglessReply;

export interface IssuedReply {
  readonly kind: 'issued';
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly extExpiresInSeconds: number | undefined;
  readonly refreshInSeconds: number | undefined;
}

interface WithoutToken {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  /** `x-ms-request-id`, which is Entra's trace ID. */
  readonly requestId: string | undefined;
  /** The body, or what of it can be of use; may hold anything. */
  readonly text: string;
}

/** An OAuth error (RFC 6749 section 5.2) with Entra's additions, not yet checked for what may be shown. */
export interface RefusedReply extends WithoutToken {
  readonly kind: 'refused';
  readonly oauthError: string;
  readonly aadsts: number | undefined;
  readonly correlationId: string | undefined;
  readonly traceId: string | undefined;
  readonly timestamp: string | undefined;
}

/** Neither: a page of a firewall, a Kubernetes Status, half an answer, a success without a token. */
export interface MeaninglessReply extends WithoutToken {
  readonly kind: 'meaningless';
}

const MAX_RETRY_AFTER_SECONDS = 3_600;

/**
 * Decides what an answer is. MSAL alone would take any answer without an `error` for a success, with an
 * empty token.
 * @param nowMs wall clock, for a Retry-After that is a date.
 */
export function parseTokenReply({ status, headers, text }: HttpReply, nowMs: number): TokenReply {
  const body = parseObject(text);
  const isSuccess = status >= 200 && status < 300;
  if (isSuccess) {
    const issued = toIssued(body);
    if (issued !== undefined) return issued;
  }
  const base = {
    status,
    retryAfterSeconds: parseRetryAfter(headers['retry-after'], nowMs),
    requestId: headers['x-ms-request-id'],
    text,
  };
  const oauthError = toText(body?.['error']);
  if (isSuccess || oauthError === undefined) return { ...base, kind: 'meaningless' };
  const description = toText(body?.['error_description']) ?? '';
  return {
    ...base,
    kind: 'refused',
    text: description,
    oauthError,
    aadsts: toAadsts(body?.['error_codes'], description),
    correlationId: toText(body?.['correlation_id']),
    traceId: toText(body?.['trace_id']) ?? base.requestId,
    timestamp: toText(body?.['timestamp']),
  };
}

function toIssued(body: ReturnType<typeof parseObject>): IssuedReply | undefined {
  const accessToken = body?.['access_token'];
  const tokenType = body?.['token_type'] ?? 'Bearer';
  const expiresInSeconds = toSeconds(body?.['expires_in']);
  // Visible ASCII: what may stand in the header that the token is meant for.
  if (typeof accessToken !== 'string' || !/^[!-~]+$/.test(accessToken)) return undefined;
  if (typeof tokenType !== 'string' || tokenType.toLowerCase() !== 'bearer') return undefined;
  // Without a lifetime it can neither be cached nor handed on truthfully.
  if (expiresInSeconds === undefined) return undefined;
  return {
    kind: 'issued',
    accessToken,
    expiresInSeconds,
    extExpiresInSeconds: toSeconds(body?.['ext_expires_in']),
    refreshInSeconds: toSeconds(body?.['refresh_in']),
  };
}

/** A positive number of whole seconds; some endpoints write it as a string. */
function toSeconds(value: unknown): number | undefined {
  if (typeof value !== 'number' && !(typeof value === 'string' && /^\d+$/.test(value))) {
    return undefined;
  }
  const seconds = Math.floor(Number(value));
  return seconds > 0 && Number.isSafeInteger(seconds) ? seconds : undefined;
}

function toAadsts(codes: unknown, description: string): number | undefined {
  const first: unknown = Array.isArray(codes) ? codes[0] : undefined;
  if (typeof first === 'number' && Number.isSafeInteger(first) && first > 0) return first;
  const inText = /AADSTS(\d{3,9})/.exec(description)?.[1];
  return inText === undefined ? undefined : Number(inText);
}

function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  let seconds = Number.NaN;
  if (/^\s*\d+\s*$/.test(value)) seconds = Number(value);
  else if (/GMT\s*$/.test(value)) seconds = Math.ceil((Date.parse(value) - nowMs) / 1_000);
  return seconds > 0 ? Math.min(seconds, MAX_RETRY_AFTER_SECONDS) : undefined;
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
