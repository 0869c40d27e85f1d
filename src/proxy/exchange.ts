/** Who the token is for: the result of a request's selector. Both are in lower case. */
export interface Identity {
  readonly clientId: string;
  readonly tenantId: string;
}

/** One token to request from Entra. */
export interface ExchangeRequest {
  readonly identity: Identity;
  /** As the caller wrote it, decoded once; never trimmed or changed in case. */
  readonly resource: string;
  /** The caller's `x-ms-client-request-id` when it is a GUID, so that one id follows the request to Entra. */
  readonly correlationId?: string | undefined;
}

/** A token as Entra issued it. Times are relative, so that no clock but the reader's own matters. */
export interface IssuedToken {
  readonly accessToken: string;
  /** Entra's `expires_in`, counted from the moment the successful attempt was sent. */
  readonly expiresInSeconds: number;
  /** Entra's `ext_expires_in`; the same as `expiresInSeconds` if Entra named none. */
  readonly extExpiresInSeconds: number;
  /** Entra's `refresh_in`, if it named one. */
  readonly refreshInSeconds?: number | undefined;
  /** Time that has passed since the successful attempt was sent. */
  readonly elapsedMs: number;
  /** When the assertion that was presented expires, in seconds since 1970. */
  readonly assertionExpiresAtSeconds?: number | undefined;
}

/**
 * Asks Entra for one token, with its own deadlines and retries (25 s at the most). Every call is one
 * exchange: coalescing and caching are the caller's.
 * @throws ProxyError with ERR_ASSERTION, ERR_REJECTED, ERR_THROTTLED, ERR_UNAVAILABLE, ERR_TIMEOUT or
 * ERR_INTERNAL.
 */
export type Exchange = (request: ExchangeRequest, signal: AbortSignal) => Promise<IssuedToken>;
