import { bindingLabel, webhook } from '../../inject/contract.ts';
import {
  isList,
  isMap,
  type Path,
  type Value,
  type ValueMap,
  valueAt,
} from '../../inject/manifest/value.ts';
import { findForeign } from '../../inject/pod/foreign.ts';
import { isInjected } from '../../inject/pod/record.ts';
import { readProxyRequest } from '../../inject/proxy-request.ts';
import type { Resource } from '../../inject/workload.ts';
import type { LabelText, Named, ObjectReference, PodTemplate, Workload } from './cluster.ts';
import { textAt, textsAt, toItems } from './documents.ts';
import type { Origin } from './origin.ts';
import { bindingLabelOf, toLabelText } from './pod-identity.ts';

/** An object that makes pods, or is one; undefined for all others. */
export function toWorkload(resource: Resource, named: Named, origin: Origin): Workload | undefined {
  const { pods, group, value } = resource;
  const owner = findOwner(value);
  const isOther = pods.kind === 'none' && isBuiltIn(group);
  const elsewhere = pods.kind === 'templates' || isOther ? [] : findLabels(value);
  if (pods.kind === 'none' && elsewhere.length === 0) return undefined;
  const { text } = origin.chunk;
  const templates = findTemplates(resource, owner !== undefined, text);
  return {
    ...named,
    group,
    owner,
    templates,
    why: templates.length > 0 && pods.kind === 'templates' ? undefined : explain(resource),
    labelsElsewhere: elsewhere,
    hasMisplacedLabel: resource.kind !== 'Pod' && bindingLabelOf(value, text) !== undefined,
    isOver: isOver(resource),
    isHook: valueAt(value, ['metadata', 'annotations', 'helm.sh/hook']) !== undefined,
    origin,
  };
}

function findTemplates(
  { pods, value, path }: Resource,
  isOwned: boolean,
  source: string,
): readonly PodTemplate[] {
  const paths: readonly Path[] =
    pods.kind === 'templates'
      ? pods.paths
      : pods.kind === 'shapes'
        ? pods.shapes
            .filter(({ isTemplate }) => isTemplate)
            .map((shape) => [...path, ...shape.path])
        : [];
  return paths.flatMap((at) => {
    const template = valueAt(value, at.slice(path.length));
    return isMap(template) ? [toTemplate(template, at, isOwned, source)] : [];
  });
}

function toTemplate(template: ValueMap, path: Path, isOwned: boolean, source: string): PodTemplate {
  const binding = bindingLabelOf(template, source);
  const proxy = findProxy(template);
  const isLooked = !isOwned && (binding !== undefined || proxy !== 'none');
  return {
    path,
    binding,
    labels: textsAt(template, ['metadata', 'labels']),
    serviceAccount: serviceAccountOf(template),
    secretProviderClasses: findSecretProviderClasses(template),
    proxy,
    value: isLooked ? template : undefined,
  };
}

/** `serviceAccount` is the old name of the field, which the API server still fills in. */
function serviceAccountOf(template: Value): string {
  const name =
    textAt(template, ['spec', 'serviceAccountName']) ||
    textAt(template, ['spec', 'serviceAccount']);
  return name || 'default';
}

/** What in a pod gets its tokens, or asks for it. */
export function findProxy(template: ValueMap): PodTemplate['proxy'] {
  if (isInjected(template)) return 'ours';
  if (findForeign(template).length > 0) return 'upstream';
  const request = readProxyRequest(template);
  // Upstream's webhook injects whatever the value of its annotation is.
  const isAnnotated = valueAt(template, ['metadata', 'annotations', webhook.injectAnnotation]);
  return request.kind === 'wanted' || isAnnotated !== undefined ? 'requested' : 'none';
}

function findSecretProviderClasses(template: Value): readonly string[] {
  return toItems(valueAt(template, ['spec', 'volumes'])).flatMap((volume) => {
    if (textAt(volume, ['csi', 'driver']) !== 'secrets-store.csi.k8s.io') return [];
    return textAt(volume, ['csi', 'volumeAttributes', 'secretProviderClass']) ?? [];
  });
}

function findOwner(value: ValueMap): ObjectReference | undefined {
  const owners = valueAt(value, ['metadata', 'ownerReferences']);
  const owner = toItems(owners).find((one) => valueAt(one, ['controller']) === true);
  if (owner === undefined) return undefined;
  const apiVersion = textAt(owner, ['apiVersion']) ?? '';
  return {
    group: apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : '',
    kind: textAt(owner, ['kind']) ?? 'object',
    name: textAt(owner, ['name']) ?? '(no name)',
  };
}

function explain({ pods, group, kind }: Resource): string | undefined {
  const name = group === '' ? kind : `${group}/${kind}`;
  switch (pods.kind) {
    case 'elsewhere':
    case 'incomplete':
      return pods.why;
    case 'shapes':
      return `the kind ${name} is not known; pass --template-path=${name}=<PATH> with the path of its pod template`;
    case 'templates':
    case 'none':
      return `the kind ${name} is not known, and it has no pod template`;
  }
}

const deepest = 24;

/** Of Kubernetes itself, whose kinds are all known. */
function isBuiltIn(group: string): boolean {
  return !group.includes('.') || group.endsWith('.k8s.io');
}

/** Values of the label below any key of an object whose controller builds the pods. */
function findLabels(value: ValueMap): readonly LabelText[] {
  return findInside(value).flatMap(({ label, isSelected }) => (isSelected ? [] : [label]));
}

/** Values of the label by which an object selects pods: those would lose their pods together with the label. */
export function findSelected(value: ValueMap): readonly string[] {
  const found = findInside(value).flatMap(({ label, isSelected }) =>
    isSelected ? [label.text] : [],
  );
  return [...new Set(found)];
}

interface FoundLabel {
  readonly label: LabelText;
  /** Part of a selector, not of labels. */
  readonly isSelected: boolean;
}

function findInside(value: ValueMap): readonly FoundLabel[] {
  const found: FoundLabel[] = [];
  const walk = (part: Value, depth: number, isSelected: boolean): void => {
    if (depth > deepest) return;
    if (isList(part)) {
      for (const item of part) walk(item, depth + 1, isSelected);
      return;
    }
    if (!isMap(part)) return;
    for (const [key, child] of Object.entries(part)) {
      const label = key === bindingLabel ? toLabelText(child) : undefined;
      if (label === undefined) walk(child, depth + 1, isSelected || /selector|^match/i.test(key));
      else found.push({ label, isSelected });
    }
  };
  const { metadata: _, ...rest } = value;
  walk(rest, 0, false);
  return found;
}

/** Old ReplicaSets, finished Jobs and ended pods stay in a cluster for a while, and mean nothing. */
function isOver({ kind, value }: Resource): boolean {
  switch (kind) {
    case 'Pod':
      return ['Succeeded', 'Failed'].includes(textAt(value, ['status', 'phase']) ?? '');
    case 'ReplicaSet':
      return findOwner(value) !== undefined && valueAt(value, ['spec', 'replicas']) === 0;
    case 'Job':
      return toItems(valueAt(value, ['status', 'conditions'])).some(
        (one) =>
          ['Complete', 'Failed'].includes(textAt(one, ['type']) ?? '') &&
          textAt(one, ['status']) === 'True',
      );
    default:
      return false;
  }
}
