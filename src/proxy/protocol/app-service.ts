import { type ErrorCode, ProxyError } from '../errors.ts';
import { describeError, type ErrorResponse, toClientText } from './error-text.ts';
import type { AnswerableToken } from './imds.ts';
import {
  assertResource,
  type SelectorDialect,
  type TokenQuery,
  toSelectors,
} from './token-query.ts';

/** The two versions of App Service's managed identity protocol; clients in use send one of them. */
export type AppServiceVersion = '2017-09-01' | '2019-08-01';

/** What a version requires of a request. */
interface VersionRules {
  /** The header with the secret, in lower case. */
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
 * Finds the version of a request, which decides how the rest is parsed.
 * @throws ProxyError with ERR_API_VERSION.
 */
export function toAppServiceVersion(query: ReadonlyMap<string, string>): AppServiceVersion {
  const version = query.get('api-version') ?? '';
  if (isVersion(version)) return version;
  throw new ProxyError('ERR_API_VERSION', 'api-version is missing or not one of App Service', {
    description: 'The api-version is missing or not supported; use 2019-08-01, or 2017-09-01',
  });
}

/** The name of the header with the secret, in lower case. */
export function toSecretHeader(version: AppServiceVersion): string {
  return rules[version].secretHeader;
}

/**
 * Parses the query of a token request. MSAL adds `token_sha256_to_refresh` when a resource has refused the token
 * with that hash (claims challenge). That token is ours, so the cache must get a new one.
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

/**
 * The body of a successful answer, with the keys and types of App Service: all values are strings, and no
 * `expires_in`, so that every client uses `expires_on`. In version 2017-09-01 that is a date in the form of App
 * Service on Linux, which clients of that version parse.
 */
export function toAppServiceBody(version: AppServiceVersion, token: AnswerableToken): string {
  return JSON.stringify({
    access_token: token.accessToken,
    client_id: token.identity.clientId,
    expires_on: toExpiresOn(version, Math.floor(token.expiresAtSeconds)),
    resource: token.resource,
    token_type: 'Bearer',
  });
}

function toExpiresOn(version: AppServiceVersion, epochSeconds: number): string {
  switch (version) {
    case '2017-09-01':
      return toDateText(epochSeconds);
    case '2019-08-01':
      return String(epochSeconds);
    default:
      return version satisfies never;
  }
}

/** `MM/dd/yyyy HH:mm:ss +00:00` */
function toDateText(epochSeconds: number): string {
  const iso = new Date(epochSeconds * 1_000).toISOString();
  const [year, month, day] = iso.slice(0, 10).split('-');
  return `${month}/${day}/${year} ${iso.slice(11, 19)} +00:00`;
}

/** The text of the real service, captured; people look for it. */
const notFoundText =
  'No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.';

/**
 * An error as App Service writes it: the same status as for IMDS, and a body of `statusCode`, `message` and
 * `correlationId`, which SDKs show.
 * @param requestId replaces the correlation ID when Entra was not asked. The log has it as well.
 */
export function toAppServiceErrorResponse(error: ProxyError, requestId: string): ErrorResponse {
  const { status, retryAfterSeconds, description } = describeError(error);
  const { correlationId } = error.details;
  return {
    status,
    retryAfterSeconds,
    body: JSON.stringify({
      statusCode: status,
      message: isNotFound(error.code) ? toNotFound(error.details.hint) : description,
      correlationId: correlationId === undefined ? requestId : toClientText(correlationId),
    }),
  };
}

function toNotFound(hint: string | undefined): string {
  return hint === undefined ? notFoundText : `${notFoundText} Hint: ${toClientText(hint)}`;
}

function isNotFound(code: ErrorCode): boolean {
  return code === 'ERR_IDENTITY_NOT_FOUND' || code === 'ERR_IDENTITY_NOT_ALLOWED';
}
