import { bindingLabel, proxyAnnotations, webhook } from '../../inject/contract.ts';
import {
  isMap,
  type Path,
  type ValueMap,
  valueAt,
  withValueAt,
} from '../../inject/manifest/value.ts';
import { injectPod } from '../../inject/pod/inject-pod.ts';
import { getAt, putAt, removeAt } from '../../inject/pod/pointer.ts';
import type { InjectSettings } from '../../inject/settings.ts';
import type { Resource } from '../../inject/workload.ts';
import type { PlannedWorkload } from '../plan.ts';
import { findProxy } from '../read/workload.ts';

export interface ChangeSettings {
  readonly inject: InjectSettings;
  /** Whether pods lose the label that AAD Pod Identity goes by. */
  readonly dropLabel: boolean;
}

/** An object as the plan wants it, and what to know about it. */
export interface ChangedObject {
  readonly value: ValueMap;
  readonly notes: readonly string[];
}

/**
 * A workload with the pods that the plan wants: their ServiceAccount, and the proxy or the words that make the webhook add
 * it. Changed are the pod templates that have the label or a proxy; if running pods alone have the label, all.
 * @returns the object as it is, if there is nothing to change, or nothing that could be changed.
 * @throws ManifestError if `inject` refuses the pods.
 */
export function changeWorkload(
  resource: Resource,
  workload: PlannedWorkload,
  settings: ChangeSettings,
): ChangedObject {
  const { value, pods, owner, path } = resource;
  if (pods.kind !== 'templates' || owner !== undefined) return { value, notes: [] };
  const all = pods.paths.map((one) => one.slice(path.length));
  const concerned = all.filter((one) => isConcerned(valueAt(value, one)));
  const notes: string[] = [];
  let changed = value;
  for (const at of concerned.length > 0 ? concerned : all) {
    const template = valueAt(changed, at);
    if (!isMap(template)) continue;
    const result = changeTemplate(template, workload, settings, isSelected(value, at));
    changed = withTemplate(changed, at, result.value);
    notes.push(...result.notes);
  }
  return { value: changed, notes: [...new Set(notes)] };
}

/** Whether there is anything to do, so that an object does not need to be read. */
export function isChanged(workload: PlannedWorkload, { dropLabel }: ChangeSettings): boolean {
  const { injection, serviceAccount, status, binding, dependsOnPodIdentity } = workload;
  if (status === 'blocked' || status === 'exempt') return false;
  if (injection.kind !== 'none' || serviceAccount.instead !== null) return true;
  return dropLabel && binding !== null && !dependsOnPodIdentity;
}

function isConcerned(template: ReturnType<typeof valueAt>): boolean {
  if (!isMap(template)) return false;
  return labelOf(template) !== undefined || findProxy(template) !== 'none';
}

function labelOf(template: ValueMap): ReturnType<typeof getAt> {
  return getAt(template, ['metadata', 'labels', bindingLabel]);
}

function withTemplate(value: ValueMap, at: Path, template: ValueMap): ValueMap {
  const changed = withValueAt(value, at, template);
  return isMap(changed) ? changed : value;
}

/** A selector cannot be changed, and the pods must match it. */
function isSelected(object: ValueMap, at: Path): boolean {
  const spec = valueAt(object, at.slice(0, -1));
  const selector = valueAt(spec, ['selector']);
  const labels = valueAt(selector, ['matchLabels']) ?? selector;
  return valueAt(labels, [bindingLabel]) !== undefined;
}

function changeTemplate(
  template: ValueMap,
  workload: PlannedWorkload,
  settings: ChangeSettings,
  mustKeepLabel: boolean,
): ChangedObject {
  const { serviceAccount, injection, dependsOnPodIdentity } = workload;
  const notes: string[] = [];
  let changed = template;
  if (serviceAccount.instead !== null) changed = withAccount(changed, serviceAccount.name);
  switch (injection.kind) {
    case 'none':
      break;
    case 'annotation':
      changed = annotate(changed, settings.inject);
      if (workload.identityMap !== null) {
        notes.push(
          `the webhook cannot give its containers IMDS_PROXY_IDENTITIES; requests by resource ID need it: ${workload.identityMap}`,
        );
      }
      break;
    case 'containers': {
      const injected = inject(changed, workload, settings.inject);
      changed = injected.template;
      notes.push(...injected.notes);
    }
  }
  const label = labelOf(changed);
  if (label === undefined) return { value: changed, notes };
  const isIndependent = injection.kind !== 'none' || !dependsOnPodIdentity;
  if (settings.dropLabel && isIndependent && !mustKeepLabel) {
    changed = withoutLabel(changed);
  } else if (settings.dropLabel && mustKeepLabel) {
    notes.push(`the label ${bindingLabel} stays: the selector names it, and cannot be changed`);
  } else if (typeof label === 'number' || typeof label === 'boolean') {
    changed = put(changed, ['metadata', 'labels', bindingLabel], String(label));
  }
  return { value: changed, notes };
}

/** `serviceAccount` is the old name of the field, which the API server fills in and compares. */
function withAccount(template: ValueMap, name: string): ValueMap {
  const spec = getAt(template, ['spec']);
  const keys = isMap(spec) ? Object.keys(spec) : [];
  const first = keys.findIndex((key) => key === 'initContainers' || key === 'containers');
  const before = first > 0 ? keys[first - 1] : null;
  const named = put(template, ['spec', 'serviceAccountName'], name, before);
  return keys.includes('serviceAccount') ? put(named, ['spec', 'serviceAccount'], name) : named;
}

function withoutLabel(template: ValueMap): ValueMap {
  const left = removeAt(template, ['metadata', 'labels', bindingLabel]);
  const labels = getAt(left, ['metadata', 'labels']);
  const isEmpty = isMap(labels) && Object.keys(labels).length === 0;
  const result = isEmpty ? removeAt(left, ['metadata', 'labels']) : left;
  return isMap(result) ? result : template;
}

/** What the webhook looks for. */
function annotate(template: ValueMap, { credentials, proxyPort }: InjectSettings): ValueMap {
  const annotations = ['metadata', 'annotations'];
  let changed = put(template, ['metadata', 'labels', webhook.useLabel], 'true');
  // Its annotation of AKS's guide means the same, and says no if it is "false".
  for (const key of proxyAnnotations) {
    const isPresent = getAt(changed, [...annotations, key]) !== undefined;
    if (key === webhook.injectAnnotation || isPresent) {
      changed = put(changed, [...annotations, key], 'true');
    }
  }
  if (credentials.identityBinding !== false && credentials.identityBinding !== undefined) {
    changed = put(changed, [...annotations, webhook.identityBindingAnnotation], 'true');
  }
  return proxyPort === undefined
    ? changed
    : put(changed, [...annotations, webhook.portAnnotation], String(proxyPort));
}

const mapVariable = 'IMDS_PROXY_IDENTITIES';

function inject(
  template: ValueMap,
  workload: PlannedWorkload,
  settings: InjectSettings,
): ReturnType<typeof injectPod> {
  const { identities, identityMap, kind, name, namespace } = workload;
  const main = identities.find((one) => one.default);
  const isMapped = identityMap === null || settings.proxyEnv.has(mapVariable);
  const proxyEnv = isMapped
    ? settings.proxyEnv
    : new Map([...settings.proxyEnv, [mapVariable, identityMap] as const]);
  return injectPod(
    template,
    { ...settings, proxyEnv },
    {
      account: { clientId: main?.clientId, tenantId: main?.tenantId ?? undefined },
      podSecurity: undefined,
      workload: { kind, name, namespace, template: undefined },
      isHook: false,
    },
  );
}

/** Sets an entry of a map, which is made if it is missing. */
function put(
  template: ValueMap,
  pointer: readonly string[],
  value: string,
  after?: string | null,
): ValueMap {
  let changed: ReturnType<typeof putAt> = template;
  for (let depth = 1; depth < pointer.length; depth += 1) {
    const map = pointer.slice(0, depth);
    const present = getAt(changed, map);
    if (present !== undefined && present !== null) continue;
    // Metadata comes first, as people write it.
    changed = putAt(changed, map, {}, depth === 1 && map[0] === 'metadata' ? null : undefined);
  }
  const result = putAt(changed, pointer, value, after);
  return isMap(result) ? result : template;
}
