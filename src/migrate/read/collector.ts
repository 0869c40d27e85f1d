import { bindingLabel } from '../../inject/contract.ts';
import type { Unread } from '../../inject/inputs.ts';
import type { TemplatePath } from '../../inject/kinds.ts';
import { type Value, type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import { createObjectIndex } from '../../inject/object-index.ts';
import type { Resource } from '../../inject/workload.ts';
import { placeFinding, toFinding } from '../finding.ts';
import type { PlacedFinding } from '../plan.ts';
import { type AksPodIdentity, readAks } from './aks.ts';
import { isObjectName, toAzureIdentity } from './azure-identity.ts';
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  AzurePodIdentityException,
  Cluster,
  LabelSelector,
  Named,
  PodIdentityComponent,
  RoleBinding,
  SecretProviderClass,
  ServiceAccount,
  Workload,
} from './cluster.ts';
import { toComponent } from './component.ts';
import { textAt } from './documents.ts';
import { createDuplicates } from './duplicates.ts';
import { findContradictions, mergeIdentities, mergeNamed, sortNamed } from './merge.ts';
import { toRoleBinding, toSecretProviderClass, toServiceAccount } from './neighbours.ts';
import type { Origin } from './origin.ts';
import { podIdentityGroup, toAssigned, toBinding, toException } from './pod-identity.ts';
import { findSelected, toWorkload } from './workload.ts';

export interface ReadSettings {
  /** Of objects without one. */
  readonly namespace: string;
  readonly templatePaths: readonly TemplatePath[];
}

/** Takes objects in any order, and sorts out which of them matter. */
export interface Collector {
  add(resource: Resource, origin: Origin): void;
  /** @param isFromFolder whether a folder has it, where other documents are usual. */
  addValue(value: Value, origin: Origin, isFromFolder: boolean): void;
  skip(input: Unread): void;
  report(finding: ReturnType<typeof toFinding>, place?: Place): void;
  finish(): Cluster;
}

type Place = { readonly file: string; readonly line: number };

export function createCollector({ namespace: defaultNamespace }: ReadSettings): Collector {
  const identities: AzureIdentity[] = [];
  const embedded: AzureIdentity[] = [];
  const bindings: AzureIdentityBinding[] = [];
  const exceptions: AzurePodIdentityException[] = [];
  const assigned: AzureAssignedIdentity[] = [];
  const workloads: Workload[] = [];
  const serviceAccounts: ServiceAccount[] = [];
  const secretProviderClasses: SecretProviderClass[] = [];
  const components: PodIdentityComponent[] = [];
  const index = createObjectIndex();
  const namespaces = new Set<string>();
  const definitions: Named[] = [];
  const roleBindings: RoleBinding[] = [];
  const selectors: LabelSelector[] = [];
  const clusters: AksPodIdentity[] = [];
  const findings: PlacedFinding[] = [];
  const duplicates = createDuplicates();
  let lacksNamespaces = false;
  let isEmpty = true;

  const report: Collector['report'] = (finding, place) =>
    findings.push(placeFinding(finding, place));

  /** Names end up in commands and in the subjects of credentials. */
  const hasNames = (named: Named, more: readonly string[] = []): boolean => {
    const wrong = [named.namespace, named.name, ...more].find((text) => !isObjectName(text));
    if (wrong === undefined) return true;
    const message = `${named.kind} ${named.namespace}/${named.name}: ${JSON.stringify(wrong)} is not a name that Kubernetes takes`;
    report(
      toFinding('invalid-object', message, 'correct the name, or leave the object out'),
      named,
    );
    return false;
  };

  const addPodIdentity = (value: ValueMap, named: Named, source: string): void => {
    const invalid = (what: string): void =>
      report(
        toFinding(
          'invalid-object',
          `${named.kind} ${named.namespace}/${named.name} has no ${what}`,
          'complete the object, or delete it',
        ),
        named,
      );
    if (!hasNames(named)) return;
    switch (named.kind) {
      case 'AzureIdentity':
        identities.push(toAzureIdentity(value, named));
        break;
      case 'AzureIdentityBinding': {
        const binding = toBinding(value, named, source);
        if ('missing' in binding) invalid(binding.missing);
        else bindings.push(binding);
        break;
      }
      case 'AzurePodIdentityException':
        exceptions.push(toException(value, named));
        break;
      case 'AzureAssignedIdentity': {
        const found = toAssigned(value, named);
        if (found === undefined) {
          invalid('pod or azureIdentityRef in its spec');
          break;
        }
        if (!hasNames(found.identity)) break;
        assigned.push(found.assigned);
        embedded.push(found.identity);
      }
    }
  };

  const addOther = (resource: Resource, named: Named, origin: Origin): void => {
    const { group, kind, value } = resource;
    if (group === '' && kind === 'Namespace') {
      namespaces.add(resource.name);
      index.add(resource);
    } else if (group === '' && kind === 'ServiceAccount') {
      index.add(resource);
      if (hasNames(named)) serviceAccounts.push(toServiceAccount(value, named, origin));
    } else if (group === 'apiextensions.k8s.io') {
      if (textAt(value, ['spec', 'group']) === podIdentityGroup) definitions.push(named);
    } else if (group === 'rbac.authorization.k8s.io') {
      if (kind === 'RoleBinding' || kind === 'ClusterRoleBinding') {
        roleBindings.push(toRoleBinding(kind, value, named));
      }
    } else if (group === 'secrets-store.csi.x-k8s.io') {
      const found = toSecretProviderClass(value, named);
      if (found !== undefined && hasNames(named)) secretProviderClasses.push(found);
    } else {
      const component = toComponent(resource, named);
      if (component !== undefined) {
        if (hasNames(named)) components.push(component);
        return;
      }
      const workload = toWorkload(resource, named, origin);
      const accounts = workload?.templates.map(({ serviceAccount }) => serviceAccount);
      if (workload !== undefined && hasNames(named, accounts)) workloads.push(workload);
    }
  };

  return {
    report,
    add(resource, origin) {
      const { kind, name, group, namespace, value } = resource;
      // A List whose items are null, as programs write an empty one.
      if (kind.endsWith('List') && Object.hasOwn(value, 'items')) return;
      isEmpty = false;
      if (namespace === undefined && isNamespacedKind(group, kind)) lacksNamespaces = true;
      const { file, line } = origin;
      const named = {
        kind,
        // Of an object that has only generateName.
        name: name.replace(/-$/, ''),
        namespace: namespace ?? defaultNamespace,
        file,
        line,
      };
      const hasName = valueAt(value, ['metadata', 'name']) !== undefined;
      if (hasName && duplicates.isAnother(named, resource, origin)) return;
      if (group === podIdentityGroup) {
        addPodIdentity(value, named, origin.chunk.text);
        return;
      }
      addOther(resource, named, origin);
      if (resource.owner !== undefined || !origin.chunk.text.includes(bindingLabel)) return;
      for (const selected of findSelected(value)) selectors.push({ ...named, value: selected });
    },
    addValue(value, origin, isFromFolder) {
      const cluster = readAks(value, origin);
      if (cluster === undefined) {
        if (isFromFolder || isNothing(value)) return;
        const message = 'a document is neither a Kubernetes object nor the output of az aks';
        report(toFinding('not-an-object', message, 'leave it out, or pass the right file'), origin);
        return;
      }
      isEmpty = false;
      clusters.push({
        ...cluster,
        identities: cluster.identities.filter((one) => hasNames(one)),
        bindings: cluster.bindings.filter((one) => isObjectName(one.name)),
        exceptions: cluster.exceptions.filter((one) => hasNames(one)),
      });
    },
    skip({ name, finding: { outcome } }) {
      if (outcome.kind === 'failed') {
        const [message = '', fix = 'check the path'] = outcome.error.split('; ');
        report(toFinding('unreadable', message, fix), { file: name, line: 1 });
      } else if ('why' in outcome) {
        report(toFinding('skipped-file', outcome.why, 'no change is needed if that is right'), {
          file: name,
          line: 1,
        });
      }
    },
    finish() {
      if (isEmpty && !findings.some(({ level }) => level === 'error')) {
        const message =
          'there is no Kubernetes object in the input (kubectl prints an empty List also if it may not read the objects)';
        report(toFinding('no-object', message, 'name the files, or pipe a dump in'));
      }
      for (const finding of findContradictions(identities, clusters)) findings.push(finding);
      return {
        identities: mergeIdentities(identities, clusters, embedded),
        bindings: mergeNamed(
          bindings,
          clusters.flatMap((one) => one.bindings),
        ),
        exceptions: mergeNamed(
          exceptions,
          clusters.flatMap((one) => one.exceptions),
        ),
        assigned,
        workloads,
        serviceAccounts,
        secretProviderClasses: sortNamed(secretProviderClasses),
        components: sortNamed(components),
        index,
        namespaces,
        definitions: mergeNamed(definitions, []),
        roleBindings,
        selectors: sortNamed(selectors),
        issuers: [...new Set(clusters.flatMap((one) => one.issuers))],
        hasAddOn: clusters.some(({ isOn }) => isOn),
        lacksNamespaces,
        findings: [...findings, ...duplicates.findings()],
      };
    },
  };
}

function isNothing(value: Value): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

function isNamespacedKind(group: string, kind: string): boolean {
  if (group === podIdentityGroup || group === 'apps' || group === 'batch') return true;
  return group === '' && (kind === 'Pod' || kind === 'ServiceAccount');
}
