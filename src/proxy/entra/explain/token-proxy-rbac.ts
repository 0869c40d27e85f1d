import { isGuid } from '../../../shared/guid.ts';

const GROUP = 'cid.wi.aks.azure.com';
const RBAC_VERSION = 'rbac.authorization.k8s.io/v1';

/**
 * What lets a ServiceAccount use an identity through the token proxy: a ClusterRole and a ClusterRoleBinding,
 * as one List.
 */
export function toRbacManifest(
  clientId: string,
  account: { readonly namespace: string; readonly name: string },
): object {
  const role = `identity-binding-${clientId}`;
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role };
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: RBAC_VERSION,
        kind: 'ClusterRole',
        metadata: { name: role },
        rules: [{ apiGroups: [GROUP], resources: [clientId], verbs: ['use-managed-identity'] }],
      },
      {
        apiVersion: RBAC_VERSION,
        kind: 'ClusterRoleBinding',
        metadata: { name: `${role}-${account.namespace}-${account.name}` },
        roleRef,
        subjects: [{ kind: 'ServiceAccount', ...account }],
      },
    ],
  };
}

/**
 * A command that applies it, on one line, so that it survives a JSON log: kubectl takes JSON for YAML.
 * @param subject the `sub` of the assertion. @returns undefined if that is no ServiceAccount.
 */
export function toRbacCommand(clientId: string, subject: string | undefined): string | undefined {
  const dnsName = '[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?';
  const shape = new RegExp(`^system:serviceaccount:(${dnsName}):(${dnsName})$`);
  const [, namespace, name] = shape.exec(subject ?? '') ?? [];
  if (namespace === undefined || name === undefined || !isGuid(clientId)) {
    return undefined;
  }
  return `echo '${JSON.stringify(toRbacManifest(clientId, { namespace, name }))}' | kubectl apply -f -`;
}
