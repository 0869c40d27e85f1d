import { isMap, type Value, type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import { containersOf, itemsOf } from '../../inject/pod/shape.ts';
import type { Resource } from '../../inject/workload.ts';
import type { Named, PodIdentityComponent } from './cluster.ts';
import { textAt } from './documents.ts';

/** Images of MIC and NMI, of every registry they were in, and of mirrors that keep the end of the name. */
const image = /(?:^|\/)(mic|nmi)(?:[:@]|$)/;

/** MIC or NMI; undefined for everything else. */
export function toComponent(resource: Resource, named: Named): PodIdentityComponent | undefined {
  if (resource.pods.kind !== 'templates' || resource.owner !== undefined) return undefined;
  for (const path of resource.pods.paths) {
    const template = valueAt(resource.value, path.slice(resource.path.length));
    if (!isMap(template)) continue;
    const container = containersOf(template).find(({ value }) => isComponent(value));
    if (container === undefined) continue;
    return {
      ...named,
      component:
        image.exec(textAt(container.value, ['image']) ?? '')?.[1] === 'mic' ? 'mic' : 'nmi',
      isAddOn: [resource.value, template].some(
        (one) =>
          textAt(one, ['metadata', 'labels', 'kubernetes.azure.com/managedby']) === 'aks' ||
          textAt(one, ['metadata', 'labels', 'addonmanager.kubernetes.io/mode']) !== undefined,
      ),
      isNamespaced: isNamespaced(container.value),
    };
  }
  return undefined;
}

/** By the image, and by a flag that both programs of AAD Pod Identity have and others do not. */
function isComponent(container: ValueMap): boolean {
  const name = textAt(container, ['image']) ?? '';
  if (!image.test(name)) return false;
  return (
    /aad-?pod-?identity/i.test(name) ||
    argumentsOf(container).some((one) => /^--?(?:cloudconfig|node|operation-mode)\b/.test(one))
  );
}

function argumentsOf(container: ValueMap): readonly string[] {
  return ['command', 'args'].flatMap((key) => itemsOf(container[key]).map(String));
}

/**
 * `--forceNamespaced` or its variable (cmd/mic/main.go, cmd/nmi/main.go), or NMI's managed mode, which knows no other
 * namespace (pkg/nmi/managed.go).
 */
function isNamespaced(container: ValueMap): boolean {
  const given = argumentsOf(container);
  if (given.some((one) => /^--?forceNamespaced(?:=(?:1|t|T|true|TRUE|True))?$/.test(one)))
    return true;
  if (/--?operation-mode(?:=|\s)managed/i.test(given.join(' '))) return true;
  return itemsOf(container['env']).some(
    (one: Value) =>
      textAt(one, ['name']) === 'FORCENAMESPACED' && textAt(one, ['value']) === 'true',
  );
}
