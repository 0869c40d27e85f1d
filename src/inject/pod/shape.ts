import { ManifestError } from '../manifest/manifest-error.ts';
import { isList, isMap, type Path, type Value, type ValueMap, valueAt } from '../manifest/value.ts';
import { nameOf } from './pointer.ts';

/** The lists of containers that the kubelet starts by itself. */
const containerLists = ['initContainers', 'containers'] as const;

/** A container of a pod, and where it is. */
export interface PlacedContainer {
  readonly list: (typeof containerLists)[number];
  readonly name: string;
  readonly value: ValueMap;
  readonly path: Path;
}

export function specOf(template: ValueMap): ValueMap {
  const { spec } = template;
  return isMap(spec) ? spec : {};
}

export function containersOf(template: ValueMap): readonly PlacedContainer[] {
  return containerLists.flatMap((list) =>
    itemsOf(specOf(template)[list]).flatMap((value, index) => {
      const name = nameOf(value);
      if (name === undefined || !isMap(value)) return [];
      return [{ list, name, value, path: ['spec', list, index] }];
    }),
  );
}

export function itemsOf(value: Value | undefined): readonly Value[] {
  return isList(value) ? value : [];
}

/**
 * Makes sure that the parts of a pod that will change are maps and lists as expected.
 * @throws ManifestError naming the part that is not.
 */
export function assertPod(template: ValueMap): void {
  for (const path of [['metadata'], ['metadata', 'labels'], ['metadata', 'annotations']]) {
    const part = valueAt(template, path) ?? null;
    if (part !== null && !isMap(part))
      throw new ManifestError(`${path.join('.')} is not a map`, { path });
  }
  if (!isMap(template['spec'])) throw new ManifestError('the pod has no spec', { path: ['spec'] });
  for (const list of [...containerLists, 'volumes']) assertNamed(template, ['spec', list]);
  if (itemsOf(valueAt(template, ['spec', 'containers'])).length === 0) {
    throw new ManifestError('the pod has no containers', { path: ['spec', 'containers'] });
  }
}

function assertNamed(template: ValueMap, path: Path): void {
  const items = valueAt(template, path) ?? null;
  if (items !== null && !isList(items)) {
    throw new ManifestError(`${path.join('.')} is not a list`, { path });
  }
  for (const [index, item] of (items ?? []).entries()) {
    if (isMap(item) && nameOf(item) !== undefined) continue;
    throw new ManifestError(`an item of ${path.join('.')} has no name`, { path: [...path, index] });
  }
}
