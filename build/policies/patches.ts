/** Patches that both mutating policies make: the order of our two containers, and the secrets for their images. */

import { initName, proxyName } from '../../src/inject/contract.ts';
import { indent, wrap } from './cel.ts';
import type { Variable } from './read-pod.ts';

/** Beginning of the path of an init container. */
export const inits = '"/spec/initContainers/"';

/** One JSON patch. @param path and `value` are expressions. */
export function patch(op: string, path: string, value?: string): string {
  return wrap(
    'JSONPatch{',
    [`op: "${op}"`, `path: ${path}`, ...(value === undefined ? [] : [`value: ${value}`])],
    '}',
  );
}

function move(from: string, to: number): string {
  return `JSONPatch{op: "move", from: ${inits} + string(${from}), path: ${inits} + "${to}"}`;
}

/** Where our containers are among the init containers; -1 if they are not. Needs `initNames`. */
export const places: readonly Variable[] = [
  { name: 'initAt', expression: `variables.initNames.indexOf("${initName}")` },
  { name: 'proxyAt', expression: `variables.initNames.indexOf("${proxyName}")` },
];

/** The place of the proxy after the init has gone to the front. */
const proxyThen =
  '(variables.proxyAt < variables.initAt ? variables.proxyAt + 1 : variables.proxyAt)';

/** Puts the init first, and the proxy next if it is an init container. The pod must have the init. */
export const moveBothToFront = `(variables.initAt != 0 ? [${move('variables.initAt', 0)}] : []) +
(variables.proxyAt >= 0 && ${proxyThen} != 1
  ? [${indent(move(proxyThen, 1)).trimStart()}]
  : [])`;

/** Puts the proxy first. The pod must have it as an init container. */
export const moveProxyToFront = `(variables.proxyAt != 0 ? [${move('variables.proxyAt', 0)}] : [])`;

/** Adds the `imagePullSecrets` of the settings that the pod does not have. */
export const addSecrets: readonly string[] = [
  `(has(object.spec.imagePullSecrets) || variables.pullSecrets == [] ? [] : [${patch('add', '"/spec/imagePullSecrets"', '[]')}])`,
  `variables.pullSecrets.filter(s, !object.spec.?imagePullSecrets.orValue([]).exists(p, p.name == s))
  .map(s, ${patch('add', '"/spec/imagePullSecrets/-"', '{"name": s}')})`,
];
