import { placeFinding, toFinding } from '../finding.ts';
import type { PlacedFinding } from '../plan.ts';
import type { AzureIdentityBinding, Cluster } from '../read/cluster.ts';
import type { Scope } from './scope.ts';
import type { DefaultChoice, PlanSettings } from './settings.ts';

interface Known {
  readonly cluster: Cluster;
  readonly settings: PlanSettings;
  readonly scope: Scope;
  readonly unused: readonly AzureIdentityBinding[];
  readonly unusedChoices: readonly DefaultChoice[];
  readonly hasIssuer: boolean;
  /** Some workload uses a managed identity. */
  readonly hasManaged: boolean;
}

/** Findings about the input and the migration as a whole. */
export function findInputFindings(known: Known): readonly PlacedFinding[] {
  return [
    ...findChoiceFaults(known),
    ...findBindingFindings(known),
    ...findMissing(known),
    ...findGeneral(known),
  ];
}

function findChoiceFaults({ unusedChoices }: Known): readonly PlacedFinding[] {
  return unusedChoices.map(({ text }) =>
    placeFinding(
      toFinding(
        'default-identity-unknown',
        `--default-identity=${text} fits no workload of the input with such an identity`,
        'write [[NAMESPACE/]KIND/]WORKLOAD=IDENTITY, or the name or client ID of an AzureIdentity for all',
      ),
    ),
  );
}

function findBindingFindings({ cluster, unused }: Known): readonly PlacedFinding[] {
  const { bindings, identities, namespaces } = cluster;
  const findings: PlacedFinding[] = [];
  for (const binding of bindings) {
    const { selector, namespace, name } = binding;
    const what = `AzureIdentityBinding ${namespace}/${name}`;
    if (!selector.isText) {
      const message = `${what}: the selector is ${selector.text} without quotes, which is not a text, and Kubernetes refuses it`;
      const fix = `write selector: "${selector.text}"`;
      findings.push(placeFinding(toFinding('label-not-text', message, fix), binding));
    }
    const hasIdentity = identities.some(
      (one) => one.namespace === namespace && one.name === binding.identity,
    );
    if (unused.includes(binding)) {
      const message = `${what}: no pod of the input has the label ${JSON.stringify(selector.text)}`;
      const fix = 'check whether something outside the input does; if not, delete it with the rest';
      findings.push(placeFinding(toFinding('binding-unused', message, fix), binding));
      if (!hasIdentity) {
        const missing = `${what} names the AzureIdentity ${binding.identity}, which is not in ${namespace}`;
        const remedy = 'pass the AzureIdentity too, or delete the binding';
        findings.push(
          placeFinding(toFinding('binding-without-identity', missing, remedy), binding),
        );
      }
    }
  }
  if (namespaces.size === 0) return findings;
  for (const one of [...bindings, ...identities]) {
    if (namespaces.has(one.namespace)) continue;
    const message = `${one.kind} ${one.namespace}/${one.name}: the input lists namespaces, and not ${one.namespace}`;
    const fix = 'pass the objects of that namespace too, if it exists';
    findings.push(placeFinding(toFinding('namespace-not-in-input', message, fix), one));
  }
  return findings;
}

function findMissing({ cluster, hasIssuer, settings }: Known): readonly PlacedFinding[] {
  const { definitions, identities, bindings, assigned, lacksNamespaces } = cluster;
  const findings: PlacedFinding[] = [];
  const [definition] = definitions;
  if (definition !== undefined && identities.length + bindings.length + assigned.length === 0) {
    findings.push(
      placeFinding(
        toFinding(
          'crd-without-objects',
          'the input has the CustomResourceDefinitions of AAD Pod Identity, and none of its objects',
          'pass the objects too: kubectl get azureidentities,azureidentitybindings,azurepodidentityexceptions -A -o yaml',
        ),
        definition,
      ),
    );
  }
  if (!hasIssuer) {
    findings.push(
      placeFinding(
        toFinding(
          'issuer-missing',
          'no issuer is known: the federated credentials have none',
          'pass --issuer with the output of az aks show -g <GROUP> -n <CLUSTER> --query oidcIssuerProfile.issuerUrl -o tsv',
        ),
      ),
    );
  }
  if (lacksNamespaces && settings.namespace === undefined) {
    findings.push(
      placeFinding(
        toFinding(
          'namespace-missing',
          'objects have no namespace: default is assumed, for the subjects of the federated credentials too',
          'pass --namespace with the one that they are applied to',
        ),
      ),
    );
  }
  return findings;
}

function findGeneral({ cluster, scope, hasManaged }: Known): readonly PlacedFinding[] {
  const findings: PlacedFinding[] = [];
  if (scope.isContradicted) {
    findings.push(
      placeFinding(
        toFinding(
          'scope-contradicted',
          'AAD Pod Identity runs with forceNamespaced here, and --cluster-scoped has no effect',
          'leave --cluster-scoped out, or pass the MIC and NMI that really run',
        ),
        cluster.components.find(({ isNamespaced }) => isNamespaced),
      ),
    );
  }
  if (hasManaged) {
    findings.push(
      placeFinding(
        toFinding(
          'region-unknown',
          'a few regions take no federated credentials for managed identities, and the input does not say where the identities are',
          'compare az identity list --query "[].{name:name,location:location}" -o table with https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations#unsupported-regions-user-assigned-managed-identities',
        ),
      ),
      placeFinding(
        toFinding(
          'sdk-not-judged',
          'an application whose SDK supports workload identity needs no proxy, and images do not tell',
          'look for DefaultAzureCredential or WorkloadIdentityCredential in it, and for the version of its SDK; such a workload needs the ServiceAccount, the label azure.workload.identity/use and the credential, nothing else',
        ),
      ),
    );
  }
  return findings;
}
