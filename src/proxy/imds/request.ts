import { ProxyError } from '../errors.ts';
import { parseQuery } from './query.ts';
import { assertResource } from './resource.ts';
import { type Selector, toSelectors } from './selector.ts';

/** What a request asks of the token path. */
export interface TokenQuery {
  /** As the caller wrote it, decoded once. */
  readonly resource: string;
  readonly selectors: readonly Selector[];
  /** The caller wants a token newer than the cached one. */
  readonly bypassCache: boolean;
}

/** The first API version with managed identities; clients in use send this one and many later ones. */
const firstApiVersion = '2018-02-01';
const date = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;

/**
 * Parses the query of a token request. Names that mean nothing here are accepted: clients add
 * `authority`, `xms_cc` and others.
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
