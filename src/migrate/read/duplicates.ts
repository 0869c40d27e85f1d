import { readValue } from '../../inject/manifest/read-value.ts';
import { isEqual, isMap, type Value, valueAt } from '../../inject/manifest/value.ts';
import type { Resource } from '../../inject/workload.ts';
import { toFinding } from '../finding.ts';
import type { Finding } from '../plan.ts';
import type { Named } from './cluster.ts';
import type { Origin } from './origin.ts';

/** Finds objects that are in the input twice. */
export interface Duplicates {
  /** @returns undefined if there is no other object of the name, else what to say about it. */
  add(group: string, named: Named, resource: Resource, origin: Origin): Finding | undefined;
}

export function createDuplicates(): Duplicates {
  const seen = new Map<string, Origin>();
  return {
    add(group, { kind, namespace, name }, { value }, origin) {
      const key = JSON.stringify([group, kind, namespace, name]);
      const first = seen.get(key);
      if (first === undefined) {
        seen.set(key, origin);
        return undefined;
      }
      const what = `${kind} ${namespace}/${name}`;
      const where = `${first.file}:${first.line}`;
      // Both are read again, so that nothing must be kept of all the others.
      const other = valueAt(readValue(first.chunk.text), first.path);
      return isEqual(toContent(other), toContent(value))
        ? toFinding(
            'repeated-object',
            `${what} is at ${where} as well, with the same content`,
            'no change is needed',
          )
        : toFinding(
            'duplicate-object',
            `${what} is at ${where} as well, and differs`,
            'leave out one of the two: pass either the dump or the manifests',
          );
    },
  };
}

/** An object without the fields that the API server writes. */
function toContent(value: Value | undefined): Value {
  if (!isMap(value)) return null;
  const { status: _, metadata, ...rest } = value;
  if (!isMap(metadata)) return rest;
  const { resourceVersion: _1, managedFields: _2, generation: _3, uid: _4, ...kept } = metadata;
  return { ...rest, metadata: kept };
}
