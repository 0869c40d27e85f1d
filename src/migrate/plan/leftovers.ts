import type { ObjectName } from '../plan.ts';
import type { Cluster } from '../read/cluster.ts';
import { compare } from '../read/cluster.ts';

/** Objects of AAD Pod Identity in the input, in the order in which they can be deleted. */
export function toLeftovers(cluster: Cluster): readonly ObjectName[] {
  const { bindings, assigned, exceptions, definitions } = cluster;
  const identities = cluster.identities.filter(({ isFromAssigned }) => !isFromAssigned);
  const objects = [bindings, assigned, identities, exceptions].flatMap((all) =>
    all
      .map(({ kind, namespace, name }) => ({ kind, namespace, name }))
      .sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name)),
  );
  return [...objects, ...definitions.map(({ kind, name }) => ({ kind, namespace: null, name }))];
}
