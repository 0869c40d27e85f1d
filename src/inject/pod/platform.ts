import { isMap, type Path, type Value, type ValueMap, valueAt } from '../manifest/value.ts';
import { getAt } from './pointer.ts';
import { containersOf, itemsOf } from './shape.ts';

/** Where a pod runs if the redirect or the proxy can never work there. */
export interface Platform {
  readonly kind: 'host-network' | 'windows' | 'virtual-node';
  /** What in the pod's spec says so. */
  readonly path: Path;
}

/** @param spec of a pod. @returns undefined for an ordinary pod for Linux. */
export function findPlatform(spec: ValueMap): Platform | undefined {
  if (isTrue(spec['hostNetwork'])) return { kind: 'host-network', path: ['hostNetwork'] };
  const windows = findWindows(spec);
  if (windows !== undefined) return { kind: 'windows', path: windows };
  const virtual = findVirtualNode(spec);
  return virtual === undefined ? undefined : { kind: 'virtual-node', path: virtual };
}

const systemLabels = ['kubernetes.io/os', 'beta.kubernetes.io/os'];

/** What in a pod says that it runs on Windows; undefined if nothing does. */
function findWindows(spec: ValueMap): Path | undefined {
  if (getAt(spec, ['os', 'name']) === 'windows') return ['os'];
  for (const label of systemLabels) {
    if (getAt(spec, ['nodeSelector', label]) === 'windows') return ['nodeSelector', label];
  }
  const options: readonly Path[] = [
    ['securityContext', 'windowsOptions'],
    ...containersOf({ spec }).map(({ path }) => [
      ...path.slice(1),
      'securityContext',
      'windowsOptions',
    ]),
  ];
  const option = options.find((path) => isMap(valueAt(spec, path)));
  if (option !== undefined) return option;
  return requiresWindows(spec) ? ['affinity', 'nodeAffinity'] : undefined;
}

/** Whether every alternative that required node affinity leaves is Windows. */
function requiresWindows(spec: ValueMap): boolean {
  return everyNodeExpression(spec, (expression) => {
    if (!isMap(expression) || !systemLabels.includes(String(expression['key']))) return false;
    const values = itemsOf(expression['values']);
    if (expression['operator'] === 'In')
      return values.length > 0 && values.every((one) => one === 'windows');
    return expression['operator'] === 'NotIn' && values.includes('linux');
  });
}

/**
 * Whether each alternative that required node affinity leaves has an expression that fulfils `holds`. False without
 * required node affinity.
 */
export function everyNodeExpression(
  spec: ValueMap,
  holds: (expression: Value) => boolean,
): boolean {
  const terms = itemsOf(
    valueAt(spec, [
      'affinity',
      'nodeAffinity',
      'requiredDuringSchedulingIgnoredDuringExecution',
      'nodeSelectorTerms',
    ]),
  );
  return (
    terms.length > 0 &&
    terms.every((term) => itemsOf(valueAt(term, ['matchExpressions'])).some(holds))
  );
}

/** A pod that asks for virtual nodes; one that merely tolerates them may run anywhere. */
function findVirtualNode(spec: ValueMap): Path | undefined {
  if (getAt(spec, ['nodeSelector', 'type']) === 'virtual-kubelet') return ['nodeSelector', 'type'];
  const role = 'kubernetes.io/role';
  if (getAt(spec, ['nodeSelector', role]) === 'virtual-kubelet') return ['nodeSelector', role];
  return getAt(spec, ['nodeSelector', role]) === 'agent' &&
    itemsOf(spec['tolerations']).some(
      (one) => valueAt(one, ['key']) === 'virtual-kubelet.io/provider',
    )
    ? ['nodeSelector', role]
    : undefined;
}

/** YAML 1.1, which Kubernetes reads, has more words for it than YAML 1.2. */
function isTrue(value: Value | undefined): boolean {
  return value === true || (typeof value === 'string' && /^(?:true|yes|on|y)$/i.test(value));
}
