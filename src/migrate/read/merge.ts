import { placeFinding, toFinding } from '../finding.ts';
import type { PlacedFinding } from '../plan.ts';
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

/** Identities of which a dump and AKS's description say different things. */
export function findContradictions(
  found: readonly AzureIdentity[],
  clusters: readonly AksPodIdentity[],
): readonly PlacedFinding[] {
  const byName = new Map(found.map((one) => [keyOf(one), one]));
  return clusters
    .flatMap(({ identities }) => identities)
    .flatMap((one) => {
      const other = byName.get(keyOf(one));
      if (other === undefined || other.clientId === one.clientId) return [];
      const message = `AzureIdentity ${one.namespace}/${one.name} is at ${other.file}:${other.line} as well, with another client ID`;
      const fix = 'make both dumps again, from one cluster';
      return [placeFinding(toFinding('duplicate-object', message, fix), one)];
    });
}

function keyOf({ namespace, name }: Named): string {
  return JSON.stringify([namespace, name]);
}

export function mergeNamed<T extends Named>(
  first: readonly T[],
  second: readonly T[],
): readonly T[] {
  const byName = new Map<string, T>();
  for (const one of [...first, ...second]) {
    if (!byName.has(keyOf(one))) byName.set(keyOf(one), one);
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
