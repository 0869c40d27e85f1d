import type { ObjectReference, Workload } from '../read/cluster.ts';
import { compare } from '../read/cluster.ts';

/** An object that somebody applies, and everything that controllers made of it. */
export interface Group {
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly apiGroup: string;
  /** undefined if only objects that it made are in the input. */
  readonly top: Workload | undefined;
  /** Pods, ReplicaSets and Jobs of it that are not over. */
  readonly members: readonly Workload[];
}

interface Top {
  readonly namespace: string;
  readonly reference: ObjectReference;
  readonly workload: Workload | undefined;
}

/**
 * Puts each object under its top owner: a dump has ReplicaSets and pods beside their Deployment. Owners that are
 * missing in between are found by the names that Kubernetes' own controllers make.
 */
export function groupWorkloads(workloads: readonly Workload[]): readonly Group[] {
  const byName = new Map<string, Workload>();
  for (const workload of workloads) byName.set(keyOf(workload.namespace, workload), workload);

  const groups = new Map<string, { readonly top: Top; readonly members: Workload[] }>();
  for (const workload of workloads) {
    if (workload.isOver) continue;
    const top = findTop(workload, byName);
    const key = keyOf(top.namespace, top.reference);
    const group = groups.get(key) ?? { top, members: [] };
    groups.set(key, group);
    if (workload !== top.workload) group.members.push(workload);
  }
  return [...groups.values()]
    .map(({ top: { namespace, reference, workload }, members }) => ({
      namespace,
      kind: reference.kind,
      name: reference.name,
      apiGroup: reference.group,
      top: workload,
      members,
    }))
    .sort(
      (a, b) =>
        compare(a.namespace, b.namespace) || compare(a.kind, b.kind) || compare(a.name, b.name),
    );
}

/** Owners of owners; more would be a circle. */
const mostOwners = 8;

function findTop(workload: Workload, byName: ReadonlyMap<string, Workload>): Top {
  const { namespace } = workload;
  let current = workload;
  for (let level = 0; level < mostOwners; level += 1) {
    const { owner } = current;
    if (owner === undefined) break;
    const found = byName.get(keyOf(namespace, owner));
    if (found === undefined) {
      const reference = guessOwner(current, owner, byName) ?? owner;
      return { namespace, reference, workload: byName.get(keyOf(namespace, reference)) };
    }
    current = found;
  }
  const { group, kind, name } = current;
  return { namespace, reference: { group, kind, name }, workload: current };
}

/**
 * The owner of an owner that is not in the input: `kubectl get deploy,pods` leaves out the ReplicaSets, and finished
 * Jobs are soon deleted. A ReplicaSet is called as its Deployment and the hash that its pods have as a label, a Job as its
 * CronJob and the minute of its start.
 */
function guessOwner(
  { namespace, templates }: Workload,
  owner: ObjectReference,
  byName: ReadonlyMap<string, Workload>,
): ObjectReference | undefined {
  if (owner.kind === 'ReplicaSet') {
    const labels = templates[0]?.labels ?? {};
    for (const [label, group, kind] of replicaSetMakers) {
      const suffix = `-${labels[label] ?? ''}`;
      if (suffix.length > 1 && owner.name.endsWith(suffix)) {
        return { group, kind, name: owner.name.slice(0, -suffix.length) };
      }
    }
  }
  const cronJob = owner.kind === 'Job' ? /^(.+)-\d{8,11}$/.exec(owner.name)?.[1] : undefined;
  if (cronJob === undefined) return undefined;
  const reference = { group: 'batch', kind: 'CronJob', name: cronJob };
  return byName.has(keyOf(namespace, reference)) ? reference : undefined;
}

const replicaSetMakers = [
  ['pod-template-hash', 'apps', 'Deployment'],
  ['rollouts-pod-template-hash', 'argoproj.io', 'Rollout'],
] as const;

function keyOf(namespace: string, { group, kind, name }: ObjectReference): string {
  // Deployments and their like were in the group extensions before apps.
  return JSON.stringify([namespace, group === 'extensions' ? 'apps' : group, kind, name]);
}
