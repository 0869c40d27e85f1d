import { ProxyError } from '../errors.ts';
import type { ExchangeRequest, Identity } from '../exchange.ts';

/** A token that may be handed to a caller, and until when. */
export interface Token {
  readonly accessToken: string;
  readonly identity: Identity;
  readonly resource: string;
  /** The instant it expires, on the clock of the source. */
  readonly expiresAtMs: number;
  /** The same instant as seconds since 1970: what clients are told, the same for all of them. */
  readonly expiresAtSeconds: number;
  /** When it was received, in seconds since 1970. */
  readonly issuedAtSeconds: number;
  /** Entra's `ext_expires_in`. */
  readonly extExpiresInSeconds: number;
}

/** How a request was answered; also the label of the metric. */
export type CacheResult = 'hit' | 'stale' | 'miss' | 'coalesced' | 'negative';

/**
 * Where tokens come from. `peek` is the path of almost every request and must stay synchronous and free
 * of allocation; `get` is for the rest.
 */
export interface TokenSource {
  /**
   * The token for a key of `toKeyed` if one may be served right now, counting it as served (a background
   * refresh may start); undefined if the caller must wait with `get`.
   */
  peek(key: string): Token | undefined;
  /**
   * A token, waiting for an exchange if need be.
   * @param bypassCache asks for a token newer than the cached one, subject to a minimum age.
   * @throws ProxyError, remembered for a moment if it is permanent.
   */
  get(request: KeyedRequest, options?: { readonly bypassCache?: boolean }): Promise<Token>;
}

/** A token to be asked for, with the key under which it is cached. */
export interface KeyedRequest extends ExchangeRequest {
  readonly key: string;
}

/**
 * Gives a request its key: the only place that builds one. Requests with the same key share a token.
 *
 * Tenant and client ID are in lower case already. The resource is compared exactly, because Entra's `aud`
 * follows the caller's spelling, a slash at the end included.
 *
 * Request parser and configuration accept no line break in any part. Should they ever, one identity could
 * pass for another, and that must not depend on them.
 * @throws ProxyError with ERR_IDENTITY_NOT_FOUND or ERR_RESOURCE_INVALID for a part with a line break.
 */
export function toKeyed(request: ExchangeRequest): KeyedRequest {
  const { tenantId, clientId } = request.identity;
  if (tenantId.includes('\n') || clientId.includes('\n')) {
    throw new ProxyError('ERR_IDENTITY_NOT_FOUND', 'the identity holds a line break');
  }
  if (request.resource.includes('\n')) {
    throw new ProxyError('ERR_RESOURCE_INVALID', 'the resource holds a line break');
  }
  return { ...request, key: `${tenantId}\n${clientId}\n${request.resource}` };
}
