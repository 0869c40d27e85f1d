import { isGuid } from '../../shared/guid.ts';
import { ProxyError } from '../errors.ts';
import type { Identity } from '../exchange.ts';
import { type Selector, toComparableResource } from './token-query.ts';

/** An identity that requests may ask for by any of its names. */
export interface KnownIdentity extends Identity {
  /** The principal's object ID, in lower case; found by `object_id`. */
  readonly objectId?: string | undefined;
  /** The ARM resource ID, in lower case; found by `msi_res_id` and `mi_res_id`. */
  readonly resourceId?: string | undefined;
}

/** Which identities and resources requests may name, from the configuration. */
export interface IdentityPolicy {
  /** Answers requests that name no identity; `AZURE_CLIENT_ID`. */
  readonly defaultIdentity: KnownIdentity | undefined;
  /** Every configured identity, the default one included. */
  readonly identities: readonly KnownIdentity[];
  /** The tenant of client IDs that are not in the map. */
  readonly defaultTenantId: string;
  /** If set, the only client IDs (lower case) that requests may name. Others are refused without asking Entra. */
  readonly allowedClientIds: ReadonlySet<string> | undefined;
  /** If set, the only resources that may be asked for, as the configuration spells them. */
  readonly allowedResources: readonly string[] | undefined;
}

/**
 * The identity that a request's selectors mean. Each selector narrows the possible identities, and exactly one
 * must remain.
 * @throws ProxyError with ERR_IDENTITY_NOT_FOUND, ERR_IDENTITY_CONFLICT, ERR_IDENTITY_AMBIGUOUS or
 * ERR_IDENTITY_NOT_ALLOWED.
 */
export function toIdentity(selectors: readonly Selector[], policy: IdentityPolicy): Identity {
  const { clientId, tenantId } =
    selectors.length === 0 ? toDefaultIdentity(policy) : toSelectedIdentity(selectors, policy);
  if (!isAllowed(clientId, policy)) {
    throw new ProxyError('ERR_IDENTITY_NOT_ALLOWED', 'client ID is not in the allow-list');
  }
  return { clientId, tenantId };
}

/**
 * The resource to ask Entra for. With an allow-list that is the list's own spelling, so that nobody can make
 * a key of each of the many spellings of one resource. A slash at the end stays as it was asked for: the
 * audience of a token follows it, and Azure SQL wants it where Key Vault does not.
 * @throws ProxyError with ERR_RESOURCE_NOT_ALLOWED for a resource that is not in the allow-list.
 */
export function toAllowedResource(resource: string, { allowedResources }: IdentityPolicy): string {
  if (allowedResources === undefined || allowedResources.includes(resource)) return resource;
  const comparable = toComparableResource(resource);
  const listed = allowedResources.find((one) => toComparableResource(one) === comparable);
  if (listed === undefined) {
    throw new ProxyError('ERR_RESOURCE_NOT_ALLOWED', 'resource is not in the allow-list');
  }
  const bare = listed.replace(/\/$/, '');
  return resource.endsWith('/') ? `${bare}/` : bare;
}

/** Like IMDS, answers a request without a selector if there is only one identity. */
function toDefaultIdentity(policy: IdentityPolicy): Identity {
  if (policy.defaultIdentity !== undefined) return policy.defaultIdentity;
  if (policy.identities.length === 0) {
    throw new ProxyError('ERR_IDENTITY_NOT_FOUND', 'no identity is configured', {
      hint: noIdentityHint,
    });
  }
  return onlyOne(policy.identities, '', 'several identities, none of them the default');
}

/** The most frequent mistake of all: the annotation of the ServiceAccount is missing. */
const noIdentityHint =
  "This pod has no default identity. Set the annotation azure.workload.identity/client-id of its ServiceAccount to the identity's client ID and create the pod anew, or set AZURE_CLIENT_ID for the proxy; or have the application name a client_id.";

function toSelectedIdentity(selectors: readonly Selector[], policy: IdentityPolicy): Identity {
  let possible: readonly KnownIdentity[] | undefined;
  for (const selector of selectors) {
    const matches = toMatches(selector, policy);
    if (!matches.some(({ clientId }) => isAllowed(clientId, policy))) {
      const advice = toUnknownAdvice(selector, policy);
      if (matches.length === 0) {
        throw new ProxyError('ERR_IDENTITY_NOT_FOUND', `${selector.name} is not known`, advice);
      }
      // With the same advice, so that the client cannot learn which identities are configured.
      const text = `${selector.name} means a client ID that is not in the allow-list`;
      throw new ProxyError('ERR_IDENTITY_NOT_ALLOWED', text, advice);
    }
    const earlier = possible;
    possible = earlier === undefined ? matches : matches.filter((match) => hasSame(earlier, match));
  }
  if (possible?.length === 0) {
    throw new ProxyError('ERR_IDENTITY_CONFLICT', 'selectors mean different identities');
  }
  return onlyOne(possible ?? [], 'no selector', 'selectors fit several identities');
}

/**
 * Only the map knows object and resource IDs. The entry has single quotes, which survive the JSON of answers
 * and log lines; the setting takes it as it is.
 */
function toUnknownAdvice(
  { name, value }: Selector,
  policy: IdentityPolicy,
): { readonly hint?: string; readonly remedy?: string } {
  if (name === 'client_id') return {};
  const wanted = value.toLowerCase();
  if (name === 'object_id') {
    if (!isGuid(wanted)) return { hint: 'object_id must be the GUID of an identity.' };
    const entry = (clientId: string): string =>
      `[{'clientId':'${clientId}','objectId':'${wanted}'}]`;
    const isClientId = policy.identities.some(({ clientId }) => clientId === wanted);
    // A client ID that may not be used looks like one that nobody knows.
    if (isClientId && isAllowed(wanted, policy)) {
      const remedy = entry(wanted);
      return {
        hint: `The object_id of this request is the client ID of a configured identity. Some clients send it so: ODBC Driver 18 for SQL Server sends its UID as object_id. To accept it, add this entry to IMDS_PROXY_IDENTITIES: ${remedy}`,
        remedy,
      };
    }
    const remedy = entry('<CLIENT_ID>');
    return {
      hint: `${toUnknownText('object', policy)} Add this entry to IMDS_PROXY_IDENTITIES: ${remedy}. To find the client ID of a managed identity: az identity list --query '[].[principalId,clientId,name]' --output tsv | grep -i ${wanted}`,
      remedy,
    };
  }
  const isArmId = /^\/subscriptions\/[\w.()/-]{1,400}$/.test(wanted);
  if (!isArmId) {
    return { hint: `${name} must be the ARM resource ID of an identity: /subscriptions/…` };
  }
  const remedy = `[{'clientId':'<CLIENT_ID>','resourceId':'${wanted}'}]`;
  return {
    hint: `${toUnknownText('resource', policy)} Add this entry to IMDS_PROXY_IDENTITIES: ${remedy}. To find the client ID: az identity show --ids '${wanted}' --query clientId --output tsv`,
    remedy,
  };
}

/** With an allow-list, a sentence that is also true of an identity that is configured and refused. */
function toUnknownText(kind: 'object' | 'resource', policy: IdentityPolicy): string {
  const orRefused =
    policy.allowedClientIds === undefined
      ? ''
      : ', or its client ID is not in IMDS_PROXY_ALLOWED_CLIENT_IDS';
  return `The proxy does not know which identity has this ${kind} ID${orRefused}.`;
}

function isAllowed(clientId: string, { allowedClientIds }: IdentityPolicy): boolean {
  return allowedClientIds?.has(clientId) !== false;
}

/** The identities that one selector may mean. */
function toMatches(selector: Selector, policy: IdentityPolicy): readonly KnownIdentity[] {
  const value = selector.value.toLowerCase();
  switch (selector.name) {
    case 'client_id': {
      const known = policy.identities.filter(({ clientId }) => clientId === value);
      // Entra knows client IDs that are not in the map. All of them are GUIDs.
      return known.length > 0 || !isGuid(value)
        ? known
        : [{ clientId: value, tenantId: policy.defaultTenantId }];
    }
    case 'object_id':
      return policy.identities.filter(({ objectId }) => objectId === value);
    case 'msi_res_id':
    case 'mi_res_id':
      return policy.identities.filter(({ resourceId }) => resourceId === value);
  }
}

function onlyOne(identities: readonly Identity[], ifNone: string, ifSeveral: string): Identity {
  const [first] = identities;
  if (first === undefined) throw new ProxyError('ERR_IDENTITY_NOT_FOUND', ifNone);
  if (!identities.every((other) => isSame(first, other))) {
    throw new ProxyError('ERR_IDENTITY_AMBIGUOUS', ifSeveral);
  }
  return first;
}

function hasSame(identities: readonly Identity[], identity: Identity): boolean {
  return identities.some((other) => isSame(other, identity));
}

function isSame(one: Identity, other: Identity): boolean {
  return one.clientId === other.clientId && one.tenantId === other.tenantId;
}
