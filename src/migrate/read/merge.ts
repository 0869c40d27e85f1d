import type { AksPodIdentity } from './aks.ts';
import { type AzureIdentity, compare, type Named } from './cluster.ts';

/** AKS makes the objects from its description, so that a dump has the same ones again. */
export function mergeIdentities(
  found: readonly AzureIdentity[],
  clusters: readonly AksPodIdentity[],
  embedded: readonly AzureIdentity[],
): readonly AzureIdentity[] {
  const described = clusters.flatMap((one) => one.identities);
  const merged = found.map((identity) => {
    const same = described.find(
      (one) => one.clientId !== undefined && one.clientId === identity.clientId,
    );
    return { ...identity, objectId: same?.objectId };
  });
  return mergeNamed(mergeNamed(merged, described), embedded);
}

export function mergeNamed<T extends Named>(
  first: readonly T[],
  second: readonly T[],
): readonly T[] {
  const byName = new Map<string, T>();
  for (const one of [...first, ...second]) {
    const key = JSON.stringify([one.namespace, one.name]);
    if (!byName.has(key)) byName.set(key, one);
  }
  return sortNamed([...byName.values()]);
}

/** By namespace and name, so that the order of the input means nothing. */
export function sortNamed<T extends Named>(all: readonly T[]): readonly T[] {
  return all.toSorted(
    (a, b) =>
      compare(a.namespace, b.namespace) || compare(a.name, b.name) || compare(a.kind, b.kind),
  );
}
