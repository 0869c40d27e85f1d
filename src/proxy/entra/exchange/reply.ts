import { isGuid } from '../../../shared/guid.ts';
import { createTextFilter, type TextFilter } from '../../../shared/untrusted-text.ts';
import type { HttpReply } from '../transport/transport.ts';
import { parseObject } from './assertion.ts';

/** What the token endpoint's answer means. All its texts are clean: they may be logged and shown. */
export type TokenReply = IssuedReply | RefusedReply | UnusableReply;

export interface IssuedReply {
  readonly kind: 'issued';
  readonly accessToken: string;
  /** At most `MAX_LIFETIME_SECONDS`, as the other durations. */
  readonly expiresInSeconds: number;
  readonly extExpiresInSeconds: number | undefined;
  readonly refreshInSeconds: number | undefined;
  /** The answer as an object, as it came. */
  readonly body: object;
}

interface WithoutToken {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  /** Entra's, from the body or `x-ms-request-id`; undefined unless it is a GUID. */
  readonly traceId: string | undefined;
}

/** An OAuth error (RFC 6749 section 5.2) with Entra's additions. */
export interface RefusedReply extends WithoutToken {
  readonly kind: 'refused';
  /** A short word; `invalid_request` if the answer has no such word. */
  readonly oauthError: string;
  readonly description: string;
  readonly aadsts: number | undefined;
  /** Undefined unless it is a GUID. */
  readonly correlationId: string | undefined;
  /** As Entra writes it, such as `2026-01-01 00:00:00Z`. */
  readonly timestamp: string | undefined;
}

/** Neither: a page of a firewall, a Kubernetes Status, half an answer, a success without a usable token. */
export interface UnusableReply extends WithoutToken {
  readonly kind: 'unusable';
  /** Its beginning, to recognise the page of a firewall. */
  readonly excerpt: string;
  /** The message of a Kubernetes Status; empty if it is something else. */
  readonly statusMessage: string;
  /** The length of an access token that is too long to be one. */
  readonly tokenLength?: number | undefined;
}

/**
 * The longest life that Entra documents: 28 hours, with continuous access evaluation; a managed identity has
 * 24. A token that claims more is renewed earlier than necessary, which does no harm. A date
 * beyond all calendars would do harm.
 */
export const MAX_LIFETIME_SECONDS = 28 * 3_600;

/** Entra's tokens have two to four KiB, with 200 groups in them eight. No HTTP header takes more than this. */
export const MAX_TOKEN_LENGTH = 64 * 1_024;

const MAX_RETRY_AFTER_SECONDS = 3_600;
const MAX_DESCRIPTION = 2_000;
const MAX_EXCERPT = 200;
const MAX_STATUS_MESSAGE = 600;

/**
 * Classifies an answer, and cleans its texts once for all readers.
 * @param nowMs wall clock, for a Retry-After that is a date.
 * @param assertion that was presented, which an answer may repeat.
 */
export function parseTokenReply(
  { status, headers, text }: HttpReply,
  nowMs: number,
  assertion: string,
): TokenReply {
  const body = parseObject(text);
  const isSuccess = status >= 200 && status < 300;
  const issued = isSuccess && body !== undefined ? toIssued(body) : undefined;
  if (issued?.kind === 'issued') return issued;

  const clean = createTextFilter([assertion, ...findTokens(body)]);
  const base = {
    status,
    retryAfterSeconds: parseRetryAfter(headers['retry-after'], nowMs),
    traceId: toGuid(body?.['trace_id']) ?? toGuid(headers['x-ms-request-id']),
  };
  const oauthError = toText(body?.['error']);
  if (isSuccess || oauthError === undefined) {
    return {
      ...base,
      kind: 'unusable',
      excerpt: clean(text, MAX_EXCERPT),
      statusMessage:
        body?.['kind'] === 'Status' ? clean(toText(body['message']) ?? '', MAX_STATUS_MESSAGE) : '',
      tokenLength: issued?.tokenLength,
    };
  }
  const description = toText(body?.['error_description']) ?? '';
  return {
    ...base,
    kind: 'refused',
    oauthError: toOauthError(oauthError, clean),
    description: clean(description, MAX_DESCRIPTION),
    aadsts: toAadsts(body?.['error_codes'], description),
    correlationId: toGuid(body?.['correlation_id']),
    timestamp: toTimestamp(body?.['timestamp']),
  };
}

type Body = Readonly<Record<string, unknown>>;

function toIssued(
  body: Body,
): IssuedReply | { readonly kind: 'too-long'; readonly tokenLength: number } | undefined {
  const accessToken = body['access_token'];
  const tokenType = body['token_type'] ?? 'Bearer';
  const expiresInSeconds = toLifetime(body['expires_in']);
  if (typeof accessToken !== 'string') return undefined;
  if (accessToken.length > MAX_TOKEN_LENGTH) {
    return { kind: 'too-long', tokenLength: accessToken.length };
  }
  // Visible ASCII: what may stand in the header that the token is meant for.
  if (!/^[!-~]+$/.test(accessToken)) return undefined;
  if (typeof tokenType !== 'string' || tokenType.toLowerCase() !== 'bearer') return undefined;
  // Without a lifetime it can neither be cached nor handed on truthfully.
  if (expiresInSeconds === undefined) return undefined;
  return {
    kind: 'issued',
    accessToken,
    expiresInSeconds,
    extExpiresInSeconds: toLifetime(body['ext_expires_in']),
    refreshInSeconds: toLifetime(body['refresh_in']),
    body,
  };
}

/** The secrets of an answer that is not a success: it may hold a token that cannot be used. */
function findTokens(body: Body | undefined): readonly string[] {
  return ['access_token', 'id_token', 'refresh_token']
    .map((name) => toText(body?.[name]))
    .filter((token) => token !== undefined)
    .map((token) => token.slice(0, MAX_TOKEN_LENGTH));
}

/** Whole seconds, at least one; some endpoints write them as a string. */
function toLifetime(value: unknown): number | undefined {
  if (typeof value !== 'number' && !(typeof value === 'string' && /^\d+$/.test(value))) {
    return undefined;
  }
  const seconds = Math.floor(Number(value));
  return seconds > 0 && Number.isFinite(seconds)
    ? Math.min(seconds, MAX_LIFETIME_SECONDS)
    : undefined;
}

function toAadsts(codes: unknown, description: string): number | undefined {
  const first: unknown = Array.isArray(codes) ? codes[0] : undefined;
  if (typeof first === 'number' && Number.isSafeInteger(first) && first > 0) return first;
  const inText = /AADSTS(\d{3,9})/.exec(description)?.[1];
  return inText === undefined ? undefined : Number(inText);
}

function toOauthError(value: string, clean: TextFilter): string {
  const cleaned = clean(value, 64);
  return cleaned === value && /^[\w.-]{1,64}$/.test(value) ? value : 'invalid_request';
}

function toGuid(value: unknown): string | undefined {
  return typeof value === 'string' && isGuid(value) ? value : undefined;
}

function toTimestamp(value: unknown): string | undefined {
  const shape = /^\d{4}-\d\d-\d\d[T ][\d:.]{8,16} ?(?:Z|[+-][\d:]{4,5})?$/;
  return typeof value === 'string' && shape.test(value) ? value : undefined;
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
