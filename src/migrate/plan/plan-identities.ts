import { toFinding } from '../finding.ts';
import { groupBy } from '../group-by.ts';
import type { Finding, PlannedIdentity, WorkloadIdentity } from '../plan.ts';
import type { AzureIdentity, Cluster } from '../read/cluster.ts';
import { compare } from '../read/cluster.ts';
import { type CredentialCount, type CredentialCounts, credentialLimit } from './credentials.ts';

/** What a workload's findings say about one of its identities. */
export function describeIdentity(
  identity: AzureIdentity,
  tenantId: string | undefined,
): readonly Finding[] {
  const { name, findings } = identity;
  return [
    ...findings
      .filter(({ level }) => level !== 'note')
      .map((one) => ({ ...one, message: `AzureIdentity ${name}: ${one.message}` })),
    ...describeServicePrincipal(identity),
    ...describeTenants(identity, tenantId),
  ];
}

function describeServicePrincipal({
  name,
  type,
  clientId,
  secret,
}: AzureIdentity): readonly Finding[] {
  if (type === undefined || type === 'UserAssignedManagedIdentity') return [];
  const isSecret = type === 'ServicePrincipalSecret';
  const what = isSecret ? 'a client secret' : 'a certificate';
  const [list, remove] = isSecret
    ? ['credential list', 'credential delete']
    : ['credential list --cert', 'credential delete --cert'];
  const kubernetes =
    secret === undefined ? '' : `, and kubectl delete secret -n ${secret.namespace} ${secret.name}`;
  return [
    toFinding(
      isSecret ? 'service-principal-secret' : 'service-principal-certificate',
      `${name} is a service principal with ${what}: its app registration needs a federated credential instead`,
      `az ad app federated-credential create --id ${clientId ?? '<CLIENT_ID>'} --parameters <FILE> (see federatedCredentials); when all pods use it, az ad app ${list} and ${remove}${kubernetes}`,
    ),
  ];
}

function describeTenants(
  { name, type, tenantId: own, auxiliaryTenantIds }: AzureIdentity,
  tenantId: string | undefined,
): readonly Finding[] {
  const findings: Finding[] = [];
  const isManaged = type === 'UserAssignedManagedIdentity';
  if (!isManaged && own === undefined && tenantId === undefined) {
    findings.push(
      toFinding(
        'tenant-missing',
        `the service principal ${name} has no tenantID`,
        'pass --tenant-id (az account show --query tenantId -o tsv)',
      ),
    );
  }
  if (own !== undefined && tenantId !== undefined && own !== tenantId) {
    const message = `the tenant of ${name} is ${own}, and --tenant-id is ${tenantId}`;
    findings.push(
      toFinding(
        'tenant-differs',
        isManaged
          ? `${message}; AAD Pod Identity did not look at it for a managed identity`
          : message,
        `check which is right; the plan uses ${own} for this identity`,
      ),
    );
  }
  if (auxiliaryTenantIds.length > 0) {
    findings.push(
      toFinding(
        'auxiliary-tenants',
        `${name} has auxiliaryTenantIDs (${auxiliaryTenantIds.join(', ')}): AAD Pod Identity answered with a list of one token for each tenant, the proxy answers with one token`,
        'change the application to ask for one tenant at a time, with its own SDK and workload identity',
      ),
    );
  }
  return findings;
}

/** More credentials than Entra keeps, for each identity of a workload. */
export function describeLimit(
  identities: readonly WorkloadIdentity[],
  counts: CredentialCounts,
): readonly Finding[] {
  return identities.flatMap(({ name, clientId, type }) =>
    toLimitFinding(name, counts.get(clientId), type === 'UserAssignedManagedIdentity'),
  );
}

function toLimitFinding(
  name: string,
  count: CredentialCount | undefined,
  isManaged: boolean,
): readonly Finding[] {
  if (count === undefined || count.credentials <= credentialLimit) return [];
  const { credentials, serviceAccounts, clusters } = count;
  const each =
    clusters === 1 ? '' : ` (${serviceAccounts} ServiceAccounts in ${clusters} clusters)`;
  const second = 'divide the workloads between this identity and a second one with the same roles';
  return [
    toFinding(
      'too-many-credentials',
      `${name} needs ${credentials} federated credentials${each}, and Entra keeps ${credentialLimit} for one identity, with those that it has already`,
      isManaged
        ? `on AKS pass --identity-binding, which needs one for the identity; or ${second}`
        : second,
    ),
  ];
}

/** Every AzureIdentity of the input, with how many credentials its client ID needs. */
export function planIdentities(
  { identities }: Cluster,
  used: ReadonlySet<AzureIdentity>,
  counts: CredentialCounts,
): readonly PlannedIdentity[] {
  const byClient = groupBy(identities, ({ clientId }) => clientId ?? '');
  return identities
    .map((identity) => {
      const { name, namespace, clientId, resource, type, tenantId, file, line } = identity;
      const count = clientId === undefined ? undefined : counts.get(clientId);
      const twins = clientId === undefined ? [] : (byClient.get(clientId) ?? []);
      return {
        name,
        namespace,
        clientId: clientId ?? null,
        resourceId: resource?.id ?? null,
        type: type ?? null,
        tenantId: tenantId ?? null,
        secret: identity.secret ?? null,
        credentials: count?.credentials ?? 0,
        limit: credentialLimit,
        findings: [
          ...identity.findings,
          ...toLimitFinding(name, count, type === 'UserAssignedManagedIdentity'),
          ...describeTwins(identity, twins),
          ...(identity.isFromAssigned ? [describeAssigned()] : []),
          ...(used.has(identity) ? [] : [describeUnused()]),
        ],
        file,
        line,
      };
    })
    .sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name));
}

function describeTwins(
  identity: AzureIdentity,
  twins: readonly AzureIdentity[],
): readonly Finding[] {
  const others = twins.filter((one) => one !== identity);
  if (others.length === 0) return [];
  const names = others.map(({ namespace, name }) => `${namespace}/${name}`).join(', ');
  return [
    toFinding(
      'client-id-twice',
      `${names} has the same client ID`,
      'no change is needed: they share their federated credentials, and are counted together',
    ),
  ];
}

function describeAssigned(): Finding {
  return toFinding(
    'identity-only-assigned',
    'it is known only from an AzureAssignedIdentity',
    'pass the AzureIdentities too, in case it has changed since',
  );
}

function describeUnused(): Finding {
  return toFinding(
    'identity-unused',
    'no workload of the input uses it',
    'check whether something outside the input does; if not, delete it with the rest',
  );
}
