import { webhook } from '../../inject/contract.ts';
import type { Input, Unread } from '../../inject/inputs.ts';
import type { TemplatePath } from '../../inject/kinds.ts';
import { isMap, type Value, type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import { createObjectIndex } from '../../inject/object-index.ts';
import type { Resource } from '../../inject/workload.ts';
import { placeFinding, toFinding } from '../finding.ts';
import type { PlacedFinding } from '../plan.ts';
import { type AksPodIdentity, readAks } from './aks.ts';
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  AzurePodIdentityException,
  Cluster,
  Named,
  PodIdentityComponent,
  RoleBinding,
  SecretProviderClass,
  ServiceAccount,
  Workload,
} from './cluster.ts';
import { compare } from './cluster.ts';
import { toComponent } from './component.ts';
import { readContents, textAt, toItems } from './documents.ts';
import { createDuplicates } from './duplicates.ts';
import type { Origin } from './origin.ts';
import {
  isObjectName,
  podIdentityGroup,
  toAssigned,
  toAzureIdentity,
  toBinding,
  toException,
} from './pod-identity.ts';
import { toWorkload } from './workload.ts';

export interface ReadSettings {
  /** Of objects without one. */
  readonly namespace: string;
  readonly templatePaths: readonly TemplatePath[];
}

/** Reads all inputs, whatever order their objects have. A fault becomes a finding, and the rest is read all the same. */
export function readCluster(inputs: readonly (Input | Unread)[], settings: ReadSettings): Cluster {
  const collector = createCollector(settings);
  for (const input of inputs) {
    if (!('text' in input)) {
      collector.skip(input);
      continue;
    }
    for (const content of readContents(input, settings.templatePaths)) {
      switch (content.kind) {
        case 'object':
          collector.add(content.resource, content.origin);
          break;
        case 'value':
          collector.addValue(content.value, content.origin);
          break;
        case 'fault': {
          const { code, line, message, fix } = content.fault;
          collector.report(toFinding(code, message, fix), { file: input.name, line });
        }
      }
    }
  }
  return collector.finish();
}

interface Collector {
  add(resource: Resource, origin: Origin): void;
  addValue(value: Value, origin: Origin): void;
  skip(input: Unread): void;
  report(finding: ReturnType<typeof toFinding>, place?: Place): void;
  finish(): Cluster;
}

type Place = { readonly file: string; readonly line: number };

function createCollector({ namespace: defaultNamespace }: ReadSettings): Collector {
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

  const addPodIdentity = (value: ValueMap, named: Named): void => {
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
        const binding = toBinding(value, named);
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
      isEmpty = false;
      const { kind, name, group, namespace, value } = resource;
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
      if (valueAt(value, ['metadata', 'name']) !== undefined) {
        const found = duplicates.add(group, named, resource, origin);
        if (found !== undefined) report(found, named);
        if (found !== undefined) return;
      }
      if (group === podIdentityGroup) addPodIdentity(value, named);
      else addOther(resource, named, origin);
    },
    addValue(value, origin) {
      const cluster = readAks(value, origin);
      if (cluster === undefined) return;
      isEmpty = false;
      clusters.push(cluster);
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
        const message = 'there is no Kubernetes object in the input';
        report(toFinding('no-object', message, 'name the files, or pipe a dump in'));
      }
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
        definitions: sortNamed(definitions),
        roleBindings,
        issuers: [...new Set(clusters.flatMap((one) => one.issuers))],
        hasAddOn: clusters.some(({ isOn }) => isOn),
        lacksNamespaces,
        findings,
      };
    },
  };
}

/** AKS makes the objects from its description, so that a dump has the same ones again. */
function mergeIdentities(
  found: readonly AzureIdentity[],
  clusters: readonly AksPodIdentity[],
  embedded: readonly AzureIdentity[],
): readonly AzureIdentity[] {
  const described = clusters.flatMap((one) => one.identities);
  const merged = found.map((identity) => {
    const same = described.find(
      (one) => one.clientId !== undefined && one.clientId === identity.clientId,
    );
    return { ...identity, objectId: same?.objectId };
  });
  return mergeNamed(mergeNamed(merged, described), embedded);
}

function mergeNamed<T extends Named>(first: readonly T[], second: readonly T[]): readonly T[] {
  const byName = new Map<string, T>();
  for (const one of [...first, ...second]) {
    const key = JSON.stringify([one.namespace, one.name]);
    if (!byName.has(key)) byName.set(key, one);
  }
  return sortNamed([...byName.values()]);
}

/** By namespace and name, so that the order of the input means nothing. */
function sortNamed<T extends Named>(all: readonly T[]): readonly T[] {
  return all.toSorted(
    (a, b) =>
      compare(a.namespace, b.namespace) || compare(a.name, b.name) || compare(a.kind, b.kind),
  );
}

function isNamespacedKind(group: string, kind: string): boolean {
  if (group === podIdentityGroup || group === 'apps' || group === 'batch') return true;
  return group === '' && (kind === 'Pod' || kind === 'ServiceAccount');
}

function toServiceAccount(value: ValueMap, named: Named, origin: Origin): ServiceAccount {
  const annotation = (key: string): string | undefined =>
    textAt(value, ['metadata', 'annotations', key])?.trim() || undefined;
  return {
    namespace: named.namespace,
    name: named.name,
    clientId: annotation(webhook.clientIdAnnotation)?.toLowerCase(),
    tenantId: annotation(webhook.tenantIdAnnotation)?.toLowerCase(),
    imagePullSecrets: toItems(value['imagePullSecrets']).flatMap(
      (one) => textAt(one, ['name']) ?? [],
    ),
    origin,
  };
}

function toRoleBinding(
  kind: RoleBinding['kind'],
  value: ValueMap,
  { name, namespace }: Named,
): RoleBinding {
  const subjects = toItems(value['subjects']).flatMap((subject) => {
    const account = textAt(subject, ['name']);
    if (textAt(subject, ['kind']) !== 'ServiceAccount' || account === undefined) return [];
    return [{ namespace: textAt(subject, ['namespace']) ?? namespace, name: account }];
  });
  return { kind, namespace: kind === 'RoleBinding' ? namespace : undefined, name, subjects };
}

/** Only those that use pod identity. */
function toSecretProviderClass(value: ValueMap, named: Named): SecretProviderClass | undefined {
  const parameters = valueAt(value, ['spec', 'parameters']);
  if (!isMap(parameters)) return undefined;
  if (textAt(parameters, ['usePodIdentity'])?.toLowerCase() !== 'true') return undefined;
  return { ...named, clientId: textAt(parameters, ['clientID'])?.trim() || undefined };
}
