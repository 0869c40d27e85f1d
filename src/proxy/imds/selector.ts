import { ProxyError } from '../errors.ts';

/** What a request may choose an identity by: the query names of IMDS. */
export type SelectorName = 'client_id' | 'object_id' | 'msi_res_id' | 'mi_res_id';

/** One choice of an identity, never empty: an empty value counts as absent. */
export interface Selector {
  readonly name: SelectorName;
  readonly value: string;
}

/** The query names that select an identity in a protocol. */
export interface SelectorDialect {
  readonly names: ReadonlyMap<string, SelectorName>;
  /** The name to write instead of one that is none of them but means the same. */
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
 * Names that mean an identity to whoever wrote them, in lower case and of letters and digits alone: what is
 * asked for, with or without words for whose it is. No word begins with another, so that it matches in one go.
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
 * The selectors of a query. A name that means an identity without being one of the dialect's is refused:
 * ignoring it, as the unknown names are, would answer with the default identity's token
 * (azure-identity for Python really sends `resource_id` from its async client).
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
