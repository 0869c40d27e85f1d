import { ManifestError, templateError } from './manifest/manifest-error.ts';
import { isList, isMap, type Path, type Value, type ValueMap, valueAt } from './manifest/value.ts';

/** A Kubernetes object of a document: the document itself, or an item of a list. */
export interface Resource {
  readonly path: Path;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly value: ValueMap;
  /** Where the pod or the template of one is; undefined if the object makes no pods. */
  readonly template: Path | undefined;
  /** The object, such as `Deployment web`, that made this one and would undo any change to it. */
  readonly owner: string | undefined;
}

/** Where each kind has its pod, by API group. Others may use the same names for something else. */
const templatePaths: Readonly<Record<string, Readonly<Record<string, Path>>>> = {
  '': {
    Pod: [],
    PodTemplate: ['template'],
    ReplicationController: ['spec', 'template'],
  },
  apps: workloads(),
  batch: {
    Job: ['spec', 'template'],
    CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
  },
  // Where apps was before Kubernetes 1.16.
  extensions: workloads(),
};

function workloads(): Readonly<Record<string, Path>> {
  const template: Path = ['spec', 'template'];
  return { Deployment: template, StatefulSet: template, DaemonSet: template, ReplicaSet: template };
}

/**
 * The objects of a document; none if the document is empty.
 * @throws ManifestError if it holds something else than Kubernetes objects.
 */
export function findResources(value: Value): readonly Resource[] {
  return value === null ? [] : toResources(value, [], undefined);
}

function toResources(value: Value, path: Path, list: ValueMap | undefined): readonly Resource[] {
  // The items of a typed list may leave out what the list says.
  const listKind = typeof list?.['kind'] === 'string' ? list['kind'] : undefined;
  const apiVersion = valueAt(value, ['apiVersion']) ?? list?.['apiVersion'];
  const kind = valueAt(value, ['kind']) ?? listKind?.replace(/List$/, '');
  if (!isMap(value) || typeof apiVersion !== 'string' || typeof kind !== 'string' || kind === '') {
    throw new ManifestError('this is no Kubernetes object: it lacks apiVersion or kind', { path });
  }
  const { items } = value;
  if (kind.endsWith('List') && isList(items)) {
    return items.flatMap((item, index) => toResources(item, [...path, 'items', index], value));
  }

  const group = apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : '';
  const kinds = Object.hasOwn(templatePaths, group) ? templatePaths[group] : undefined;
  const template = kinds !== undefined && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  return [
    {
      path,
      kind,
      name: toName(value, path),
      namespace: toText(valueAt(value, ['metadata', 'namespace'])),
      value,
      template: template && [...path, ...template],
      owner: findOwner(value),
    },
  ];
}

function toName(value: ValueMap, path: Path): string {
  const name = toText(valueAt(value, ['metadata', 'name']));
  if (name?.includes('{{') === true) throw templateError({ path: [...path, 'metadata', 'name'] });
  return name ?? toText(valueAt(value, ['metadata', 'generateName'])) ?? '(no name)';
}

function findOwner(value: ValueMap): string | undefined {
  const owners = valueAt(value, ['metadata', 'ownerReferences']);
  const owner = isList(owners)
    ? owners.find((item) => valueAt(item, ['controller']) === true)
    : undefined;
  if (!isMap(owner)) return undefined;
  return `${owner['kind'] ?? 'object'} ${owner['name'] ?? '(no name)'}`;
}

function toText(value: Value | undefined): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
