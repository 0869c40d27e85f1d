import { createHash } from 'node:crypto';
import { audiences } from '../../inject/contract.ts';
import { groupBy } from '../group-by.ts';
import type { FederatedCredential, IdentityBinding, WorkloadIdentity } from '../plan.ts';
import { parseResourceId } from '../read/azure-identity.ts';
import { compare } from '../read/cluster.ts';

/** How many federated credentials Entra keeps for one identity or application. */
export const credentialLimit = 20;

/** One ServiceAccount and one of the identities that its pods use. */
export interface Use {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly identity: WorkloadIdentity;
}

/** One credential for each identity, ServiceAccount and issuer, sorted; two names of one client ID share theirs. */
export function toFederatedCredentials(
  uses: readonly Use[],
  issuers: readonly string[],
): readonly FederatedCredential[] {
  const credentials = new Map<string, FederatedCredential>();
  for (const { namespace, serviceAccount, identity } of uses) {
    for (const issuer of issuers.length === 0 ? [null] : issuers) {
      const resource =
        identity.resourceId === null ? undefined : parseResourceId(identity.resourceId);
      // Without its resource there is no command for a managed identity; a finding says so.
      if (resource === undefined && identity.type === 'UserAssignedManagedIdentity') continue;
      const subject = `system:serviceaccount:${namespace}:${serviceAccount}`;
      const key = JSON.stringify([identity.clientId, subject, issuer]);
      if (credentials.has(key)) continue;
      credentials.set(key, {
        clientId: identity.clientId,
        identity: resource?.name ?? identity.name,
        type: identity.type,
        resourceGroup: resource?.resourceGroup ?? null,
        subscription: resource?.subscription ?? null,
        name: toCredentialName(namespace, serviceAccount, subject, issuer),
        issuer,
        subject,
        audience: audiences.entra,
      });
    }
  }
  return [...credentials.values()].sort(
    (a, b) =>
      compare(a.clientId, b.clientId) ||
      compare(a.subject, b.subject) ||
      compare(a.issuer ?? '', b.issuer ?? ''),
  );
}

/** How many federated credentials an identity needs, and for how many ServiceAccounts and clusters. */
export interface CredentialCount {
  readonly credentials: number;
  readonly serviceAccounts: number;
  readonly clusters: number;
}

/** By client ID. */
export type CredentialCounts = ReadonlyMap<string, CredentialCount>;

export function countCredentials(all: readonly FederatedCredential[]): CredentialCounts {
  const counts = new Map<string, CredentialCount>();
  for (const [clientId, own] of groupBy(all, (one) => one.clientId)) {
    counts.set(clientId, {
      credentials: own.length,
      serviceAccounts: new Set(own.map(({ subject }) => subject)).size,
      clusters: new Set(own.map(({ issuer }) => issuer)).size,
    });
  }
  return counts;
}

const longestName = 120;

/** Letters, digits, hyphens and underscores, at most 120. The hash keeps names apart that look alike without it. */
function toCredentialName(
  namespace: string,
  serviceAccount: string,
  subject: string,
  issuer: string | null,
): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([subject, issuer]))
    .digest('hex')
    .slice(0, 8);
  const words = `${namespace}-${serviceAccount}`.replace(/[^\w-]/g, '-');
  return `${words.slice(0, longestName - hash.length - 1)}-${hash}`;
}

/** One for each managed identity. */
export function toIdentityBindings(
  uses: readonly Use[],
  issuers: readonly string[],
): readonly IdentityBinding[] {
  const managed = uses.filter(({ identity }) => identity.resourceId !== null);
  return [...groupBy(managed, ({ identity }) => identity.clientId)]
    .map(([clientId, all]) => {
      const resourceId = all[0]?.identity.resourceId ?? '';
      const accounts = new Map(
        all.map(({ namespace, serviceAccount }) => [
          `${namespace}/${serviceAccount}`,
          { namespace, name: serviceAccount },
        ]),
      );
      const name = (parseResourceId(resourceId)?.name ?? clientId).toLowerCase();
      return {
        name: `${name.replace(/[^a-z0-9-]/g, '-').slice(0, 40)}-${clientId.slice(0, 8)}`,
        clientId,
        resourceId,
        replaces: accounts.size * Math.max(1, issuers.length),
        serviceAccounts: [...accounts.values()].sort(
          (a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name),
        ),
      };
    })
    .sort((a, b) => compare(a.clientId, b.clientId));
}
