import { isPrintableAscii } from '../../shared/untrusted-text.ts';
import { ProxyError } from '../errors.ts';

/** The meaning of the query of a token request. */
export interface TokenQuery {
  /** As the caller wrote it, decoded once. */
  readonly resource: string;
  readonly selectors: readonly Selector[];
  /** The caller wants a token newer than the cached one. */
  readonly bypassCache: boolean;
}

/** Printable ASCII without `#`: more than RFC 3986 allows, because clients send some characters raw. */
const queryCharacters = /^[\x21\x22\x24-\x7e]*$/;

/** Whether a query has only valid characters. */
export function isQuery(query: string): boolean {
  return queryCharacters.test(query);
}

/**
 * Decodes a query, once. Like IMDS, it refuses a name that is there twice.
 * @throws ProxyError with ERR_MALFORMED_QUERY or ERR_DUPLICATE_QUERY.
 */
export function parseQuery(query: string): ReadonlyMap<string, string> {
  if (!isQuery(query)) {
    throw new ProxyError(
      'ERR_MALFORMED_QUERY',
      'query has a character that is not allowed in a query',
    );
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

/** A plus sign is a space, as in form encoding and in the ASP.NET parser of the real service. */
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

/** Longer than any App ID URI. */
const maxLength = 2_048;

/** White space, a control character or one that changes how text is shown. */
function hasSpaceOrControl(text: string): boolean {
  return /\s/.test(text) || (!isPrintableAscii(text) && /[\p{Cc}\p{Cf}]/u.test(text));
}

/**
 * Accepts a decoded `resource`, which is used and echoed as it is: clients compare it.
 * White space is refused however it was encoded (`+`, `%20`, a raw or encoded control character):
 * to Entra it separates two scopes, and Entra does not issue one token for two resources.
 * @throws ProxyError with ERR_RESOURCE_MISSING or ERR_RESOURCE_INVALID.
 */
export function assertResource(resource: string | undefined): asserts resource is string {
  if (resource === undefined || resource === '') {
    throw new ProxyError('ERR_RESOURCE_MISSING', 'query has no resource');
  }
  if (resource.length > maxLength) {
    throw new ProxyError('ERR_RESOURCE_INVALID', 'resource is too long', {
      description: `The resource is longer than ${maxLength} characters`,
    });
  }
  if (hasSpaceOrControl(resource)) {
    throw new ProxyError('ERR_RESOURCE_INVALID', 'resource has white space or control characters', {
      description:
        "The resource contains white space or control characters (a '+' in a query is a space; write %2B for a plus sign)",
    });
  }
}

/** The form in which resources are compared with the allow-list: lower case, no slash at the end. */
export function toComparableResource(resource: string): string {
  return resource.toLowerCase().replace(/\/$/, '');
}

/** The query names of IMDS that select an identity. */
export type SelectorName = 'client_id' | 'object_id' | 'msi_res_id' | 'mi_res_id';

/** A selector of a request. Its value is not empty: an empty value counts as absent. */
export interface Selector {
  readonly name: SelectorName;
  readonly value: string;
}

/** The query names that select an identity in a protocol. */
export interface SelectorDialect {
  readonly names: ReadonlyMap<string, SelectorName>;
  /** The right name for each meaning, for the error about a wrong name. */
  readonly rightNames: Readonly<Record<SelectorName, string>>;
}

const imds: SelectorDialect = {
  names: new Map([
    ['client_id', 'client_id'],
    ['object_id', 'object_id'],
    ['msi_res_id', 'msi_res_id'],
    ['mi_res_id', 'mi_res_id'],
  ]),
  rightNames: {
    client_id: 'client_id',
    object_id: 'object_id',
    msi_res_id: 'msi_res_id',
    mi_res_id: 'mi_res_id',
  },
};

/**
 * Names that clearly mean an identity, in lower case and without other characters than letters and digits. Words
 * for its kind may come first. No word begins with another, so that matching takes linear time.
 */
const qualifier = '(?:azure|user|assigned|managed|identity|uami|msi|mi)*';
const meanings: readonly (readonly [name: RegExp, SelectorName])[] = [
  [new RegExp(`^${qualifier}(?:client|app|application)id$`), 'client_id'],
  [new RegExp(`^${qualifier}(?:object|principal)id$`), 'object_id'],
  [/^miresid$/, 'mi_res_id'],
  [new RegExp(`^${qualifier}(?:res|resource|identity)id$`), 'msi_res_id'],
  [/^(?:user)?(?:assigned|managed)+identity$/, 'msi_res_id'],
];

/**
 * The selector that a name was meant to be. Clients decorate names: `client_id[]` for lists, `client_id `
 * when joined by hand, `&amp;client_id` when a URL was copied out of HTML.
 */
function toMeaning(name: string): SelectorName | undefined {
  const bare = name
    .toLowerCase()
    .replace(/^(?:amp;)+/, '')
    .replace(/\[\d*\]/g, '')
    .replace(/[^a-z0-9]/g, '');
  return meanings.find(([pattern]) => pattern.test(bare))?.[1];
}

/**
 * The selectors of a query. A name that means an identity but is not one of the dialect's is refused. Ignoring
 * it, like other unknown names, would give the client the default identity's token. The async client of
 * azure-identity for Python does send `resource_id`.
 * @throws ProxyError with ERR_SELECTOR_NAME, naming the right name.
 */
export function toSelectors(
  query: ReadonlyMap<string, string>,
  { names, rightNames }: SelectorDialect = imds,
): readonly Selector[] {
  const selectors: Selector[] = [];
  for (const [name, value] of query) {
    if (value === '') continue;
    const selector = names.get(name);
    if (selector !== undefined) {
      selectors.push({ name: selector, value });
      continue;
    }
    const meant = toMeaning(name);
    if (meant !== undefined) {
      throw new ProxyError('ERR_SELECTOR_NAME', `query name meant as ${meant}`, {
        description: `The query name '${name}' does not select an identity; use '${rightNames[meant]}'`,
      });
    }
  }
  return selectors;
}
