import { ProxyError } from '../errors.ts';
import type { TokenQuery } from './request.ts';
import { assertResource } from './resource.ts';
import { type SelectorDialect, toSelectors } from './selector.ts';

/** The two versions of App Service's managed identity protocol; clients in use send one of them. */
export type AppServiceVersion = '2017-09-01' | '2019-08-01';

/** What a version requires of a request. */
interface VersionRules {
  /** The header that has to hold the secret, in lower case. */
  readonly secretHeader: string;
  readonly selectors: SelectorDialect;
}

const rules: Readonly<Record<AppServiceVersion, VersionRules>> = {
  '2017-09-01': {
    secretHeader: 'secret',
    selectors: {
      names: new Map([['clientid', 'client_id']]),
      rightNames: {
        client_id: 'clientid',
        object_id: 'clientid',
        msi_res_id: 'clientid',
        mi_res_id: 'clientid',
      },
    },
  },
  '2019-08-01': {
    secretHeader: 'x-identity-header',
    selectors: {
      names: new Map([
        ['client_id', 'client_id'],
        ['principal_id', 'object_id'],
        ['object_id', 'object_id'],
        ['mi_res_id', 'mi_res_id'],
      ]),
      rightNames: {
        client_id: 'client_id',
        object_id: 'object_id',
        msi_res_id: 'mi_res_id',
        mi_res_id: 'mi_res_id',
      },
    },
  },
};

/**
 * Finds the version of a request, by which everything else in it is understood.
 * @throws ProxyError with ERR_API_VERSION.
 */
export function toAppServiceVersion(query: ReadonlyMap<string, string>): AppServiceVersion {
  const version = query.get('api-version') ?? '';
  if (isVersion(version)) return version;
  throw new ProxyError('ERR_API_VERSION', 'api-version is missing or not one of App Service', {
    description: 'The api-version is missing or not supported; use 2019-08-01, or 2017-09-01',
  });
}

/** The name of the header that has to hold the secret, in lower case. */
export function toSecretHeader(version: AppServiceVersion): string {
  return rules[version].secretHeader;
}

/**
 * Understands the query of a token request. MSAL adds `token_sha256_to_refresh` when a resource has refused
 * the token with that hash (claims challenge); the only one it can have is ours, so a new one is due.
 * @throws ProxyError with ERR_SELECTOR_NAME, ERR_RESOURCE_MISSING or ERR_RESOURCE_INVALID.
 */
export function toAppServiceQuery(
  version: AppServiceVersion,
  query: ReadonlyMap<string, string>,
): TokenQuery {
  const selectors = toSelectors(query, rules[version].selectors);
  const resource = query.get('resource');
  assertResource(resource);
  return {
    resource,
    selectors,
    bypassCache: (query.get('token_sha256_to_refresh') ?? '') !== '',
  };
}

function isVersion(text: string): text is AppServiceVersion {
  return Object.hasOwn(rules, text);
}
