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

/** Spellings that mean an identity to whoever wrote them, in lower case without `-`, `_` and `.`. */
const meanings: ReadonlyMap<string, SelectorName> = new Map([
  ['clientid', 'client_id'],
  ['appid', 'client_id'],
  ['applicationid', 'client_id'],
  ['msiclientid', 'client_id'],
  ['miclientid', 'client_id'],
  ['managedidentityclientid', 'client_id'],
  ['userassignedclientid', 'client_id'],
  ['objectid', 'object_id'],
  ['principalid', 'object_id'],
  ['msiobjectid', 'object_id'],
  ['miobjectid', 'object_id'],
  ['managedidentityobjectid', 'object_id'],
  ['resourceid', 'msi_res_id'],
  ['msiresid', 'msi_res_id'],
  ['miresid', 'mi_res_id'],
  ['msiresourceid', 'msi_res_id'],
  ['miresourceid', 'msi_res_id'],
  ['managedidentityresourceid', 'msi_res_id'],
  ['identityid', 'msi_res_id'],
  ['managedidentityid', 'msi_res_id'],
]);

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
    const meant = meanings.get(name.toLowerCase().replace(/[-_.]/g, ''));
    if (meant !== undefined) {
      throw new ProxyError('ERR_SELECTOR_NAME', `query name meant as ${meant}`, {
        description: `The query name '${name}' does not select an identity; use '${rightNames[meant]}'`,
      });
    }
  }
  return selectors;
}
