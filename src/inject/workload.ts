import {
  findKind,
  findPodShapes,
  type PodShape,
  resolvePattern,
  type TemplatePath,
} from './kinds.ts';
import { templateError } from './manifest/manifest-error.ts';
import { isList, isMap, type Path, type Value, type ValueMap, valueAt } from './manifest/value.ts';

/** A Kubernetes object of a document: the document itself, or an item of a list. */
export interface Resource {
  readonly path: Path;
  /** API group; empty for the core group. */
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly value: ValueMap;
  readonly pods: Pods;
  /** The object, such as `Deployment web`, that made this one and would undo any change to it. */
  readonly owner: string | undefined;
}

/** Where the pods of an object are. Paths start at the document. */
export type Pods =
  | {
      readonly kind: 'templates';
      readonly paths: readonly Path[];
      readonly note?: string | undefined;
    }
  /** It should have a template, and lacks it: a patch, or a part of an object. */
  | { readonly kind: 'incomplete'; readonly why: string }
  | { readonly kind: 'elsewhere'; readonly why: string }
  /** The kind is not known, but something in it looks like pods. */
  | { readonly kind: 'shapes'; readonly shapes: readonly PodShape[] }
  | { readonly kind: 'none' };

/** A document, or an item of a List, that is not a Kubernetes object. */
export class NotAnObject extends Error {
  override readonly name = 'NotAnObject';
  readonly path: Path;
  /** What looks like pods in it all the same. */
  readonly shapes: readonly PodShape[];

  constructor(path: Path, shapes: readonly PodShape[]) {
    super('not a Kubernetes object: it lacks apiVersion or kind');
    this.path = path;
    this.shapes = shapes;
  }
}

/** A List whose items may lack apiVersion and kind: typed lists name the kind of all their items. */
export type ListFrame = ValueMap | undefined;

/**
 * The objects of a document; none if the document is empty.
 * @param base where in the value the object or List is.
 * @param frame of the List that the document was taken from.
 * @throws NotAnObject, or ManifestError for a template.
 */
export function findResources(
  value: Value,
  more: readonly TemplatePath[] = [],
  base: Path = [],
  frame?: ListFrame,
): readonly Resource[] {
  return value === null ? [] : toResources(valueAt(value, base) ?? null, base, frame, more);
}

/** Of OpenShift's Template, whose objects are written out with parameters in them. */
const listKeys: Readonly<Record<string, string>> = { Template: 'objects' };

function toResources(
  value: Value,
  path: Path,
  list: ListFrame,
  more: readonly TemplatePath[],
): readonly Resource[] {
  const listKind = typeof list?.['kind'] === 'string' ? list['kind'] : undefined;
  const apiVersion = valueAt(value, ['apiVersion']) ?? list?.['apiVersion'];
  const kind = valueAt(value, ['kind']) ?? listKind?.replace(/List$/, '');
  if (!isMap(value) || typeof apiVersion !== 'string' || typeof kind !== 'string' || kind === '') {
    throw new NotAnObject(path, isMap(value) ? findPodShapes(value) : []);
  }
  const itemsKey = kind.endsWith('List') ? 'items' : listKeys[kind];
  const items = itemsKey === undefined ? undefined : value[itemsKey];
  if (itemsKey !== undefined && isList(items)) {
    const frame = kind.endsWith('List') ? value : undefined;
    return items.flatMap((item, index) =>
      toResources(item, [...path, itemsKey, index], frame, more),
    );
  }

  const group = apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : '';
  return [
    {
      path,
      group,
      kind,
      name: toName(value, path),
      namespace: toText(valueAt(value, ['metadata', 'namespace'])),
      value,
      pods: findPods(value, path, group, kind, more),
      owner: findOwner(value),
    },
  ];
}

function findPods(
  value: ValueMap,
  base: Path,
  group: string,
  kind: string,
  more: readonly TemplatePath[],
): Pods {
  const known = findKind(group, kind, more);
  switch (known?.pods) {
    case undefined: {
      const shapes = findPodShapes(value);
      return shapes.length === 0 ? { kind: 'none' } : { kind: 'shapes', shapes };
    }
    case 'none':
      return { kind: 'none' };
    case 'elsewhere':
      return { kind: 'elsewhere', why: known.why };
    case 'templates': {
      const paths = known.paths.flatMap((pattern) => resolvePattern(value, pattern));
      if (paths.length > 0) {
        return {
          kind: 'templates',
          paths: paths.map((path) => [...base, ...path]),
          note: known.note,
        };
      }
      if (known.isOptional === true) return { kind: 'none' };
      const reference = valueAt(value, ['spec', 'workloadRef', 'name']);
      if (reference === undefined) return { kind: 'incomplete', why: 'it has no pod template' };
      return {
        kind: 'incomplete',
        why: `its pods come from the workload ${reference}; inject that one`,
      };
    }
  }
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
