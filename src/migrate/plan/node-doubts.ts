/** Pods that may, but need not, come to a node on which the proxy cannot run. */
import { type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import { everyNodeExpression } from '../../inject/pod/platform.ts';
import { getAt } from '../../inject/pod/pointer.ts';
import { itemsOf, specOf } from '../../inject/pod/shape.ts';
import { toFinding } from '../finding.ts';
import type { Finding } from '../plan.ts';
import { textAt } from '../read/documents.ts';

/** Of AKS's guide for virtual nodes; the effect of both is NoSchedule. */
const virtualNodeTaints = ['virtual-kubelet.io/provider', 'azure.com/aci'];

/** @param kind of the object that makes the pods */
export function findNodeDoubts(template: ValueMap, kind: string): readonly Finding[] {
  // AKS places no pods of a DaemonSet on virtual nodes.
  if (kind === 'DaemonSet') return [];
  const spec = specOf(template);
  const tolerations = itemsOf(spec['tolerations']).filter((one) =>
    ['', 'NoSchedule'].includes(textAt(one, ['effect']) ?? ''),
  );
  const keys = tolerations.map((one) => textAt(one, ['key']) ?? '');
  const named = keys.filter((key) => virtualNodeTaints.includes(key));
  // Without a key, Exists tolerates every taint.
  const isAny = tolerations.some(
    (one, index) => keys[index] === '' && textAt(one, ['operator']) === 'Exists',
  );
  if (named.length === 0 && !isAny) return [];
  if (getAt(spec, ['nodeSelector']) !== undefined || avoidsVirtualNodes(spec)) return [];
  return [
    toFinding(
      'may-run-on-virtual-node',
      `the pods tolerate ${isAny ? 'every taint, also that of ' : ''}virtual nodes, on which the proxy cannot run`,
      isAny
        ? 'name the taints that they must tolerate; without virtual nodes in the cluster there is nothing to do'
        : `take the toleration ${named.join(' and ')} away`,
    ),
  ];
}

/** Whether required node affinity leaves no virtual node, as that of AKS's own add-ons. */
function avoidsVirtualNodes(spec: ValueMap): boolean {
  return everyNodeExpression(
    spec,
    (one) =>
      textAt(one, ['key']) === 'type' &&
      textAt(one, ['operator']) === 'NotIn' &&
      itemsOf(valueAt(one, ['values'])).includes('virtual-kubelet'),
  );
}
