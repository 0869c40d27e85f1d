/**
 * Why a request got no token. A closed set: `protocol/error-text` has an answer for each, and a code
 * without an answer does not compile.
 */
export type ErrorCode =
  // Not a valid HTTP request, or a request that is too large.
  | 'ERR_HTTP_MALFORMED'
  | 'ERR_HTTP_TIMEOUT'
  | 'ERR_HTTP_TARGET'
  | 'ERR_HTTP_HEADERS'
  | 'ERR_HTTP_BODY'
  // The request is at fault. Entra was not asked.
  | 'ERR_METADATA_HEADER'
  | 'ERR_FORWARDED'
  | 'ERR_HOST'
  | 'ERR_IDENTITY_HEADER'
  | 'ERR_METHOD'
  | 'ERR_PATH'
  | 'ERR_IMDS_V2'
  | 'ERR_MALFORMED_QUERY'
  | 'ERR_DUPLICATE_QUERY'
  | 'ERR_API_VERSION'
  | 'ERR_RESOURCE_MISSING'
  | 'ERR_RESOURCE_INVALID'
  | 'ERR_RESOURCE_NOT_ALLOWED'
  | 'ERR_SELECTOR_NAME'
  | 'ERR_IDENTITY_NOT_FOUND'
  | 'ERR_IDENTITY_NOT_ALLOWED'
  | 'ERR_IDENTITY_CONFLICT'
  | 'ERR_IDENTITY_AMBIGUOUS'
  // The projected ServiceAccount token cannot be presented now.
  | 'ERR_ASSERTION'
  // Entra (or the token proxy) answered, and its answer is final.
  | 'ERR_REJECTED'
  // Entra (or our own limit) asks for patience.
  | 'ERR_THROTTLED'
  // Entra could not be reached, or its answer was not usable.
  | 'ERR_UNAVAILABLE'
  | 'ERR_TIMEOUT'
  // The other metadata paths.
  | 'ERR_PASSTHROUGH'
  | 'ERR_LOOP'
  // Ours.
  | 'ERR_SHUTTING_DOWN'
  | 'ERR_INTERNAL';

/**
 * Details of a failure. Clients and logs may show all of them, so the code that fills them in must not put a
 * token, an assertion or a secret there.
 */
export interface ErrorDetails {
  /** Entra's own `error`, such as `invalid_client`. */
  readonly oauthError?: string | undefined;
  /** The text for the client: Entra's `error_description`, or ours. */
  readonly description?: string | undefined;
  /** What to change, in one or a few sentences. */
  readonly hint?: string | undefined;
  /**
   * The change alone, ready to be pasted: a command, or a piece of a manifest. For the log: it has no character
   * that JSON escapes.
   */
  readonly remedy?: string | undefined;
  /** The first AADSTS number of the answer. */
  readonly aadsts?: number | undefined;
  readonly correlationId?: string | undefined;
  readonly traceId?: string | undefined;
  /** Entra's `timestamp`, verbatim. */
  readonly timestamp?: string | undefined;
  /** The name of the header that the request is refused for. Only for the log. */
  readonly header?: string | undefined;
  /** How long to wait before the next request, if that is known. */
  readonly retryAfterSeconds?: number | undefined;
  /** When the assertion that was presented expires, in seconds since 1970. */
  readonly assertionExpiresAtSeconds?: number | undefined;
}

/** The one error class of the proxy. `message` is for logs; clients are told by `code` and `details`. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
    options?: { readonly cause: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** Makes a `ProxyError` of anything thrown. If it is not one already, the fault is ours: ERR_INTERNAL. */
export function toProxyError(thrown: unknown): ProxyError {
  if (thrown instanceof ProxyError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new ProxyError('ERR_INTERNAL', message, {}, { cause: thrown });
}
