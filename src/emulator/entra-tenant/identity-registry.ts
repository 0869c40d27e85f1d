import type { Identity } from './identity.ts';

/** The identities of all tenants. */
export interface IdentityRegistry {
  /** Either ID may be in any case. */
  find(tenantId: string, clientId: string): Identity | undefined;
  hasTenant(tenantId: string): boolean;
  /** Adds an identity, in place of one of the same tenant and client ID. */
  put(identity: Identity): void;
  /** Whether there was one to remove. */
  remove(clientId: string): boolean;
  list(): readonly Identity[];
}

/** @param tenantId a tenant that exists even without identities. */
export function createIdentityRegistry(tenantId: string): IdentityRegistry {
  const identities = new Map<string, Identity>();
  const list = (): readonly Identity[] => [...identities.values()];
  return {
    list,
    find: (tenant, clientId) => identities.get(toKey(tenant, clientId)),
    hasTenant(tenant) {
      const wanted = tenant.toLowerCase();
      return wanted === tenantId || list().some((identity) => identity.tenantId === wanted);
    },
    put(identity) {
      identities.set(toKey(identity.tenantId, identity.clientId), identity);
    },
    remove(clientId) {
      const found = list().filter((identity) => identity.clientId === clientId.toLowerCase());
      for (const identity of found) identities.delete(toKey(identity.tenantId, identity.clientId));
      return found.length > 0;
    },
  };
}

function toKey(tenantId: string, clientId: string): string {
  return `${tenantId}/${clientId}`.toLowerCase();
}
