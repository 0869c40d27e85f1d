import type { ExchangeRequest } from '../exchange.ts';

/**
 * The key under which a token is cached and exchanges are coalesced. The only place that builds one.
 *
 * Tenant and client ID are compared without case, as Entra does; the resource exactly, because Entra's
 * `aud` follows the caller's spelling (a trailing slash included). The separator cannot occur in an
 * identity: the configuration and the request parser accept neither control characters nor spaces there.
 */
export function toCacheKey(request: ExchangeRequest): string {
  const { tenantId, clientId } = request.identity;
  return `${tenantId.toLowerCase()}\n${clientId.toLowerCase()}\n${request.resource}`;
}
