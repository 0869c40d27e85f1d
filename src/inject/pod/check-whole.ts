import { isList, isMap, type Value, valueAt } from '../manifest/value.ts';
import { nameOf } from './pointer.ts';
import { containersOf } from './shape.ts';

const directive = /^\$(?:patch|retainKeys|setElementOrder|deleteFromPrimitiveList)\b/;

/**
 * Why a pod template cannot be a whole pod: kustomize's patches look like objects, and must not get containers.
 * @returns undefined if it is whole, or wrong in another way.
 */
export function whyIncomplete(template: Value): string | undefined {
  const hint = 'so it looks like a patch; inject the result of kustomize build instead';
  if (!isMap(template)) return `it has no pod template, ${hint}`;
  const spec = template['spec'];
  const containers = valueAt(spec, ['containers']) ?? null;
  if (containers === null || (isList(containers) && containers.length === 0)) {
    return `its pod template has no containers, ${hint}`;
  }
  const marker = findDirective(template);
  if (marker !== undefined) return `it has ${marker}, ${hint}`;
  const lists = [containers, valueAt(spec, ['initContainers'])];
  const nameless = lists.some(
    (list) => isList(list) && list.some((item) => isMap(item) && nameOf(item) === undefined),
  );
  // Knative names such containers itself.
  if (nameless) return 'a container has no name; give it one';
  const partial = containersOf(template).find(({ value }) => value['image'] === undefined);
  return partial && `container ${partial.name} has no image, ${hint}`;
}

function findDirective(value: Value): string | undefined {
  if (isList(value)) return value.map(findDirective).find((found) => found !== undefined);
  if (!isMap(value)) return undefined;
  for (const [key, part] of Object.entries(value)) {
    const found = directive.test(key) ? key : findDirective(part);
    if (found !== undefined) return found;
  }
  return undefined;
}
