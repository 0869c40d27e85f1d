import { ProxyError } from '../errors.ts';
import type { ExchangeRequest } from '../exchange.ts';

/**
 * The key under which a token is cached and exchanges are coalesced. The only place that builds one.
 *
 * Tenant and client ID are compared without case, as Entra does; the resource exactly, because Entra's
 * `aud` follows the caller's spelling (a trailing slash included).
 */
export function toCacheKey(request: ExchangeRequest): string {
  const { tenantId, clientId } = request.identity;
  return `${tenantId.toLowerCase()}\n${clientId.toLowerCase()}\n${request.resource}`;
}

/**
 * Refuses a request whose parts hold the key's own separator. Request parser and configuration let none
 * through; but should they ever, one identity could pass for another, and that must not hang on them.
 * @throws ProxyError with ERR_IDENTITY_NOT_FOUND or ERR_RESOURCE_INVALID
 */
export function assertKeyable(request: ExchangeRequest): void {
  const { tenantId, clientId } = request.identity;
  if (tenantId.includes('\n') || clientId.includes('\n')) {
    throw new ProxyError('ERR_IDENTITY_NOT_FOUND', 'the identity holds a line break');
  }
  if (request.resource.includes('\n')) {
    throw new ProxyError('ERR_RESOURCE_INVALID', 'the resource holds a line break');
  }
}
