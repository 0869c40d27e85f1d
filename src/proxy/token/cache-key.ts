import { ProxyError } from '../errors.ts';
import type { ExchangeRequest } from '../exchange.ts';

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
