import { type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import { cleanName, cleanText } from './clean-text.ts';
import { toText } from './container.ts';
import type { Subject } from './pod.ts';

/** An event that says why a pod is not made, or does not start. */
export interface ClusterEvent {
  readonly reason: string;
  readonly message: string;
  /** The object that it is about. */
  readonly about: Subject;
  /** Name of the container, if it is about one. */
  readonly container: string | undefined;
  readonly lastAtMs: number;
}

const reasons: ReadonlySet<string> = new Set([
  'FailedCreate',
  'FailedMount',
  'FailedPostStartHook',
  'Unhealthy',
]);

/** @returns undefined for an event that no rule looks at. */
export function toEvent(value: ValueMap, namespace: string): ClusterEvent | undefined {
  const reason = toText(value['reason']);
  if (!reasons.has(reason)) return undefined;
  // events.k8s.io has other names for the same.
  const about = value['involvedObject'] ?? value['regarding'];
  const times = [
    value['lastTimestamp'],
    valueAt(value, ['series', 'lastObservedTime']),
    value['eventTime'],
    valueAt(value, ['metadata', 'creationTimestamp']),
  ];
  const path = toText(valueAt(about, ['fieldPath']));
  return {
    reason,
    message: cleanText(toText(value['message']) || toText(value['note'])),
    about: {
      kind: cleanName(toText(valueAt(about, ['kind']))),
      namespace: cleanName(toText(valueAt(about, ['namespace'])) || namespace),
      name: cleanName(toText(valueAt(about, ['name']))),
    },
    container: /^spec\.\w+\{(.+)\}$/.exec(path)?.[1],
    lastAtMs: times.map((time) => Date.parse(toText(time))).find((ms) => !Number.isNaN(ms)) ?? 0,
  };
}
