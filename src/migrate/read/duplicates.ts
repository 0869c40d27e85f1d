import { bindingLabel } from '../../inject/contract.ts';
import { readValue } from '../../inject/manifest/read-value.ts';
import { isEqual, isMap, type Value, valueAt } from '../../inject/manifest/value.ts';
import type { Resource } from '../../inject/workload.ts';
import { placeFinding, toFinding } from '../finding.ts';
import type { PlacedFinding } from '../plan.ts';
import type { Named } from './cluster.ts';
import type { Origin } from './origin.ts';
import { podIdentityGroup } from './pod-identity.ts';

/** Finds objects that are in the input twice. */
export interface Duplicates {
  /** @returns whether there was an object of the name already. The later one does not count. */
  isAnother(named: Named, resource: Resource, origin: Origin): boolean;
  findings(): readonly PlacedFinding[];
}

export function createDuplicates(): Duplicates {
  const seen = new Map<string, Origin>();
  const repeated: Named[] = [];
  const differing: PlacedFinding[] = [];
  return {
    isAnother(named, { group, value }, origin) {
      const { kind, namespace, name } = named;
      const key = JSON.stringify([group, kind, namespace, name]);
      const first = seen.get(key);
      if (first === undefined) {
        seen.set(key, origin);
        return false;
      }
      if (!isConcerned(group, first) && !isConcerned(group, origin)) return true;
      // The first one is read again, so that nothing must be kept of all the others.
      const other = valueAt(readValue(first.chunk.text), first.path);
      if (isEqual(toContent(other), toContent(value))) repeated.push(named);
      else differing.push(describeDiffering(named, first));
      return true;
    },
    findings: () => [...differing, ...(repeated.length === 0 ? [] : [describeRepeated(repeated)])],
  };
}

/** Objects that have nothing to do with identities, such as the Deployments of two overlays, do not matter. */
function isConcerned(group: string, { chunk }: Origin): boolean {
  const { text } = chunk;
  if (group === podIdentityGroup || group === 'secrets-store.csi.x-k8s.io') return true;
  return text.includes(bindingLabel) || text.includes('azure.workload.identity/');
}

function describeDiffering(named: Named, first: Origin): PlacedFinding {
  const { kind, namespace, name } = named;
  return placeFinding(
    toFinding(
      'duplicate-object',
      `${kind} ${namespace}/${name} is at ${first.file}:${first.line} as well, and differs`,
      'leave out one of the two: pass either the dump or the manifests',
    ),
    named,
  );
}

const mostNames = 3;

function describeRepeated(all: readonly Named[]): PlacedFinding {
  const names = all.slice(0, mostNames).map((one) => `${one.kind} ${one.namespace}/${one.name}`);
  const more = all.length > mostNames ? ` and ${all.length - mostNames} more` : '';
  return placeFinding(
    toFinding(
      'repeated-object',
      `objects are in the input twice, with the same content: ${names.join(', ')}${more}`,
      'no change is needed: they count once',
    ),
    all[0],
  );
}

/** An object without the fields that the API server writes. */
function toContent(value: Value | undefined): Value {
  if (!isMap(value)) return null;
  const { status: _, metadata, ...rest } = value;
  if (!isMap(metadata)) return rest;
  const { resourceVersion: _1, managedFields: _2, generation: _3, uid: _4, ...kept } = metadata;
  return { ...rest, metadata: kept };
}
