import { toFinding } from '../finding.ts';
import type { Finding, WorkloadIdentity } from '../plan.ts';
import type { Cluster } from '../read/cluster.ts';

/** Value of IMDS_PROXY_IDENTITIES, and what to say about it. */
export interface IdentityMap {
  readonly value: string;
  readonly finding: Finding;
}

/**
 * Lets pods ask by resource ID, as AAD Pod Identity did, and by object ID where that is known, and for identities of other
 * tenants. undefined if client IDs are enough.
 */
export function toIdentityMap(
  identities: readonly WorkloadIdentity[],
  cluster: Cluster,
): IdentityMap | undefined {
  const main = identities.find((one) => one.default);
  const entries = identities.flatMap((one) => {
    const { clientId, resourceId, tenantId } = one;
    const objectId = cluster.identities.find((each) => each.clientId === clientId)?.objectId;
    const isForeign = tenantId !== null && tenantId !== main?.tenantId;
    if (resourceId === null && objectId === undefined && !isForeign) return [];
    return [
      {
        clientId,
        ...(isForeign && { tenantId }),
        ...(objectId !== undefined && { objectId }),
        ...(resourceId !== null && { resourceId }),
      },
    ];
  });
  if (entries.length === 0) return undefined;
  const value = JSON.stringify(entries);
  return {
    value,
    finding: toFinding(
      'request-by-id',
      'requests by resource ID or object ID are answered only for identities in IMDS_PROXY_IDENTITIES',
      `--write and --in-place set it for these pods; if you inject them yourself and the application sends msi_res_id, mi_res_id or object_id: --proxy-env 'IMDS_PROXY_IDENTITIES=${value}'`,
    ),
  };
}
