import type { Identity } from '../exchange.ts';
import type { KeyedRequest } from './cache-key.ts';

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
   * refresh may start); undefined if the caller has to wait with `get`.
   */
  peek(key: string): Token | undefined;
  /**
   * A token, waiting for an exchange if need be.
   * @param bypassCache asks for a token newer than the cached one, subject to a minimum age.
   * @throws ProxyError, remembered for a moment if it is permanent.
   */
  get(request: KeyedRequest, options?: { readonly bypassCache?: boolean }): Promise<Token>;
}
