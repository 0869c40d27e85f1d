import { initName, proxyName } from '../contract.ts';
import { isList, isMap, type Value, type ValueMap } from '../manifest/value.ts';
import { getAt, removeAt } from './pointer.ts';
import { containersOf, type PlacedContainer } from './shape.ts';

/** Where azure-workload-identity's images are, or a mirror of them. */
const upstreamImage = /(?:^|\/)azure\/workload-identity\/proxy(?:-init)?(?:[:@]|$)/;

/**
 * Containers that do the same as ours without being under our record: those of azure-workload-identity's
 * webhook, its `azwi` command and its examples, whatever image they run.
 */
export function findForeign(template: ValueMap): readonly PlacedContainer[] {
  return containersOf(template).filter(({ name, value }) => {
    const image = value['image'];
    if (typeof image === 'string' && upstreamImage.test(image)) return true;
    if (name === proxyName) return isProxyLike(value);
    return name === initName && isInitLike(value);
  });
}

export function removeForeign(template: ValueMap, foreign: readonly PlacedContainer[]): ValueMap {
  let rest: Value = template;
  for (const { list, name } of foreign) rest = removeAt(rest, ['spec', list, name]);
  return isMap(rest) ? rest : template;
}

function isProxyLike(container: ValueMap): boolean {
  const { args } = container;
  const command = getAt(container, ['lifecycle', 'postStart', 'exec', 'command']);
  return (
    (isList(args) && args.some((arg) => typeof arg === 'string' && /^--?proxy-port/.test(arg))) ||
    (isList(command) && command[0] === '/proxy')
  );
}

function isInitLike(container: ValueMap): boolean {
  const capabilities = getAt(container, ['securityContext', 'capabilities', 'add']);
  return (
    getAt(container, ['env', 'PROXY_PORT']) !== undefined ||
    (isList(capabilities) && capabilities.includes('NET_ADMIN'))
  );
}
