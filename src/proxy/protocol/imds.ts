import { type ErrorDetails, ProxyError } from '../errors.ts';
import type { Identity } from '../exchange.ts';
import { describeError, type ErrorResponse, toClientText } from './error-text.ts';
import { assertResource, parseQuery, type TokenQuery, toSelectors } from './token-query.ts';

/** The first API version with managed identities; clients in use send this one and many later ones. */
const firstApiVersion = '2018-02-01';
const date = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;

/**
 * Parses the query of a token request. Unknown names are accepted: clients add `authority`, `xms_cc` and others.
 * @throws ProxyError with ERR_MALFORMED_QUERY, ERR_DUPLICATE_QUERY, ERR_API_VERSION, ERR_SELECTOR_NAME,
 * ERR_RESOURCE_MISSING or ERR_RESOURCE_INVALID.
 */
export function parseTokenQuery(rawQuery: string): TokenQuery {
  const query = parseQuery(rawQuery);
  const apiVersion = query.get('api-version') ?? '';
  if (!date.test(apiVersion) || apiVersion < firstApiVersion) {
    throw new ProxyError('ERR_API_VERSION', 'api-version is missing, malformed or too old');
  }
  const selectors = toSelectors(query);
  const resource = query.get('resource');
  assertResource(resource);
  return {
    resource,
    selectors,
    bypassCache: query.get('bypass_cache')?.toLowerCase() === 'true',
  };
}

/** The properties of a token that an answer contains; the token source's `Token` has them. */
export interface AnswerableToken {
  readonly accessToken: string;
  readonly identity: Identity;
  readonly resource: string;
  /** All three in seconds; the first two since 1970. */
  readonly expiresAtSeconds: number;
  readonly issuedAtSeconds: number;
  readonly extExpiresInSeconds: number;
}

/** Five minutes, as in every capture of the real service, so that clients with a slow clock accept the token. */
const notBeforeMarginSeconds = 300;

/**
 * The body of a successful answer, with the keys, order and types of the real service. Clients depend on
 * each of them: all values are strings (Rust and Go structs), the order is alphabetical and there is no
 * white space (SqlClient counts characters, mssql-jdbc reads one line and searches for
 * `"expires_in":"`), and there is no `refresh_in` (C++ uses it as the lifetime). `expires_in` is the time that
 * remains at `nowEpochMs`, without a margin, so that it agrees with `expires_on`.
 */
export function toTokenBody(token: AnswerableToken, nowEpochMs: number): string {
  const remainingSeconds = Math.floor(token.expiresAtSeconds) - Math.floor(nowEpochMs / 1_000);
  return JSON.stringify({
    access_token: token.accessToken,
    client_id: token.identity.clientId,
    expires_in: toInteger(Math.max(1, remainingSeconds)),
    expires_on: toInteger(token.expiresAtSeconds),
    ext_expires_in: toInteger(token.extExpiresInSeconds),
    not_before: toInteger(token.issuedAtSeconds - notBeforeMarginSeconds),
    resource: token.resource,
    token_type: 'Bearer',
  });
}

function toInteger(seconds: number): string {
  return String(Math.floor(seconds));
}

/** MSAL reads them from an api-version error and retries with one of them. */
const newestVersions = ['2025-04-07', '2024-07-17', '2024-03-15'];

/** An error as IMDS writes it. */
export function toErrorResponse(thrown: ProxyError): ErrorResponse {
  const { status, retryAfterSeconds, error, description } = describeError(thrown);
  return {
    status,
    retryAfterSeconds,
    body: JSON.stringify({
      error,
      ...(thrown.code === 'ERR_API_VERSION' && { 'newest-versions': newestVersions }),
      error_description: description,
      ...toEntraFields(thrown.details),
    }),
  };
}

/** Optional members that SDKs put into their own errors; the names are Entra's. */
function toEntraFields(details: ErrorDetails): Record<string, unknown> {
  return {
    ...(details.aadsts !== undefined && { error_codes: [details.aadsts] }),
    ...(details.timestamp !== undefined && { timestamp: toClientText(details.timestamp) }),
    ...(details.traceId !== undefined && { trace_id: toClientText(details.traceId) }),
    ...(details.correlationId !== undefined && {
      correlation_id: toClientText(details.correlationId),
    }),
  };
}
