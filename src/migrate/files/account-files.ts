import type { TemplatePath } from '../../inject/kinds.ts';
import { annotateAccount, createAccount } from '../change/change-account.ts';
import { cleanObject } from '../change/clean-object.ts';
import { readOrigin, renderObject, renderValue } from '../change/render-object.ts';
import type { IdentityBinding, PlannedServiceAccount } from '../plan.ts';
import { withNamespace } from './workload-files.ts';

/** All ServiceAccounts that are created or annotated, as one file of several documents. */
export function renderServiceAccounts(
  accounts: readonly PlannedServiceAccount[],
  templatePaths: readonly TemplatePath[],
): string {
  const documents = accounts.map((planned) => {
    const { origin, namespace } = planned;
    const found = origin && readOrigin(origin, templatePaths);
    if (found === undefined) return renderValue(createAccount(planned));
    const wanted = withNamespace(annotateAccount(cleanObject(found.value), planned), namespace);
    return renderObject(wanted, origin);
  });
  return documents.join('---\n');
}

/** Who may use which identity through its binding, in the words of AKS. */
export function renderBindingRoles(bindings: readonly IdentityBinding[]): string {
  const rbac = 'rbac.authorization.k8s.io';
  const documents = bindings.flatMap(({ clientId, serviceAccounts }) => {
    const name = `identity-binding-${clientId}`;
    return [
      {
        apiVersion: `${rbac}/v1`,
        kind: 'ClusterRole',
        metadata: { name },
        rules: [
          {
            apiGroups: ['cid.wi.aks.azure.com'],
            resources: [clientId],
            verbs: ['use-managed-identity'],
          },
        ],
      },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
        subjects: serviceAccounts.map((account) => ({ kind: 'ServiceAccount', ...account })),
      },
    ];
  });
  return documents.map(renderValue).join('---\n');
}
