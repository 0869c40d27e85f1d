import { ProxyError } from '../errors.ts';

/** Printable ASCII: what RFC 3986 allows and the few more that clients send raw. `#` ends a query. */
const queryCharacters = /^[\x21\x22\x24-\x7e]*$/;

/** Whether a query has only characters that belong in one. */
export function isQuery(query: string): boolean {
  return queryCharacters.test(query);
}

/**
 * Decodes a query, once. IMDS refuses a name that comes twice, so there is one value per name.
 * @throws ProxyError with ERR_MALFORMED_QUERY or ERR_DUPLICATE_QUERY.
 */
export function parseQuery(query: string): ReadonlyMap<string, string> {
  if (!isQuery(query)) {
    throw new ProxyError('ERR_MALFORMED_QUERY', 'query has a character that belongs in no query');
  }
  const values = new Map<string, string>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1));
    if (values.has(name)) {
      throw new ProxyError('ERR_DUPLICATE_QUERY', 'a query name is given more than once');
    }
    values.set(name, value);
  }
  return values;
}

/** A plus sign is a space, as in every form encoder and in the ASP.NET parser of the real service. */
function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch (cause) {
    throw new ProxyError(
      'ERR_MALFORMED_QUERY',
      'query has a broken percent-encoding',
      {},
      { cause },
    );
  }
}
