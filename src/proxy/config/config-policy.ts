import type { IdentityPolicy, KnownIdentity } from '../imds/policy.ts';
import { toComparableResource } from '../imds/resource.ts';
import type { ProxyConfig } from './proxy-config.ts';

/** Which identities and resources requests may name. */
export function toIdentityPolicy(config: ProxyConfig): IdentityPolicy {
  const { defaultClientId, tenantId: defaultTenantId, allowedClientIds, allowedResources } = config;
  const identities = config.identities.map(
    ({ clientId, tenantId, objectId, resourceId }): KnownIdentity => ({
      clientId,
      tenantId: tenantId ?? defaultTenantId,
      objectId,
      resourceId,
    }),
  );
  let defaultIdentity = identities.find(({ clientId }) => clientId === defaultClientId);
  if (defaultIdentity === undefined && defaultClientId !== undefined) {
    defaultIdentity = { clientId: defaultClientId, tenantId: defaultTenantId };
    identities.unshift(defaultIdentity);
  }
  return {
    defaultIdentity,
    identities,
    defaultTenantId,
    allowedClientIds: allowedClientIds === undefined ? undefined : new Set(allowedClientIds),
    allowedResources:
      allowedResources === undefined
        ? undefined
        : new Set(allowedResources.map(toComparableResource)),
  };
}
