import { isMap, valueAt } from '../../inject/manifest/value.ts';
import { whyIncomplete } from '../../inject/pod/check-whole.ts';
import type { Resource } from '../../inject/workload.ts';
import { cleanLines, cleanName } from './clean-text.ts';
import { examinePod, toRoot, type Verdict } from './examine.ts';
import { createGroups, type Group, toPodKey } from './groups.ts';
import { createKnown, findController, type Known, mayBeKnown } from './known.ts';
import { type Pod, type Subject, toPod } from './pod.ts';
import { readObjects, type Unreadable } from './read-objects.ts';
import { explainEvent } from './rules/admission.ts';
import { versionOf } from './rules/versions.ts';

/** A text with objects, and its name for messages. */
export interface Source {
  readonly name: string;
  readonly text: string;
  /** Found in a folder, where files of other kinds lie as well. */
  readonly isFromFolder: boolean;
}

/** A part of the input that cannot be read: where it is, and why. */
export interface Fault {
  readonly place: string;
  readonly why: string;
  /** Nobody has named the file. */
  readonly isFromFolder: boolean;
}

/** What was found in all sources together. */
export interface Survey {
  readonly known: Known;
  readonly groups: readonly Group[];
  readonly counts: Counts;
  /** Documents and files that cannot be read. */
  readonly unreadable: readonly Fault[];
}

export interface Counts {
  readonly objects: number;
  readonly pods: number;
  readonly templates: number;
  /** Pods and templates that have the proxy or ask for it. */
  readonly concerned: number;
  /** Others that have the label of AAD Pod Identity. */
  readonly ofPodIdentity: number;
  /** Pods with automountServiceAccountToken: false, about which people ask. */
  readonly withoutAutomount: number;
}

const MAX_UNREADABLE = 20;

/** What a Deployment appends to the names of its ReplicaSets. */
const templateHash = /-[a-z0-9]{6,10}$/;

/**
 * Reads the sources twice: first what pods may refer to, wherever it stands, then pod after pod. Only verdicts are
 * kept, so that memory follows the number of causes and not of pods.
 * @param faults files that could not be read at all.
 */
export function surveySources(sources: readonly Source[], faults: readonly Fault[] = []): Survey {
  const known = createKnown();
  for (const { text } of sources) {
    for (const one of readObjects(text, mayBeKnown)) if ('kind' in one) known.add(one);
  }

  const groups = createGroups();
  const counts = {
    objects: 0,
    pods: 0,
    templates: 0,
    concerned: 0,
    ofPodIdentity: 0,
    withoutAutomount: 0,
  };
  const unreadable: Fault[] = faults.slice(0, MAX_UNREADABLE);
  const pending: { readonly pod: Pod; readonly verdicts: readonly Verdict[] }[] = [];
  const newestPodAtMs = new Map<string, number>();
  const ready = new Set<string>();
  const versions = new Map<string, Pod>();

  const examine = (pod: Pod): void => {
    if (pod.isConcerned) counts.concerned += 1;
    else if (pod.isOfPodIdentity) counts.ofPodIdentity += 1;
    if (pod.isConcerned && pod.spec['automountServiceAccountToken'] === false) {
      counts.withoutAutomount += 1;
    }
    const verdicts = examinePod(pod, known);
    if (pod.name === undefined) {
      if (verdicts.length > 0) pending.push({ pod, verdicts });
      return;
    }
    const key = toPodKey(pod);
    newestPodAtMs.set(key, Math.max(newestPodAtMs.get(key) ?? 0, pod.createdAtMs));
    for (const verdict of verdicts) groups.add(verdict, pod.subject, pod.name);
    if (pod.proxy?.status?.isReady === true) ready.add(`${pod.subject.namespace}/${pod.name}`);
    if (pod.proxy !== undefined && versions.size < 50) versions.set(versionOf(pod.proxy), pod);
  };

  for (const source of sources) {
    for (const one of readObjects(source.text)) {
      if (!('kind' in one)) {
        const isExpected = one.isOther && source.isFromFolder;
        if (!isExpected && unreadable.length < MAX_UNREADABLE) {
          unreadable.push(describe(source, one));
        }
        continue;
      }
      counts.objects += 1;
      for (const pod of toPods(one, known)) {
        counts[pod.name === undefined ? 'templates' : 'pods'] += 1;
        examine(pod);
      }
    }
  }
  // The pods of an object say more than its template.
  for (const { pod, verdicts } of pending) {
    if (newestPodAtMs.has(toPodKey(pod))) continue;
    for (const verdict of verdicts) groups.add(verdict, pod.subject, undefined);
  }
  addEvents(known, { newestPodAtMs, ready }, groups);
  addVersions(versions, groups);
  return { known, groups: groups.finish(), counts, unreadable };
}

function describe({ name, isFromFolder }: Source, { line, why }: Unreadable): Fault {
  return { place: cleanLines(`${name}:${line}`), why: cleanLines(why), isFromFolder };
}

/** The pod, or the pod templates, of an object. What another object made is that one's. */
function* toPods(resource: Resource, known: Known): Generator<Pod> {
  const { group, kind, value, pods } = resource;
  const namespace = cleanName(resource.namespace ?? 'default');
  const self: Subject = { kind: cleanName(kind), namespace, name: cleanName(resource.name) };
  if (group === '' && kind === 'Pod') {
    const owner = findController(value, namespace);
    const isTemplate = valueAt(value, ['status', 'phase']) === undefined;
    const subject = owner === undefined ? self : toOwner(owner, known);
    yield toPod(value, subject, { isTemplate, namespace });
    return;
  }
  if (resource.owner !== undefined || pods.kind !== 'templates') return;
  for (const path of pods.paths) {
    const template = valueAt(value, path.slice(resource.path.length));
    if (!isMap(template) || whyIncomplete(template) !== undefined) continue;
    yield toPod(template, self, { isTemplate: true, namespace });
  }
}

/** The object that people know, whether or not the one in between is in the input. */
function toOwner(owner: Subject, known: Known): Subject {
  const top = known.findOwner(owner);
  if (top !== owner) return top;
  if (owner.kind !== 'ReplicaSet' || !templateHash.test(owner.name)) return owner;
  return { ...owner, kind: 'Deployment', name: owner.name.replace(templateHash, '') };
}

/** What events say, unless a pod was made, or became ready, since then. */
function addEvents(
  known: Known,
  {
    newestPodAtMs,
    ready,
  }: {
    readonly newestPodAtMs: ReadonlyMap<string, number>;
    readonly ready: ReadonlySet<string>;
  },
  groups: ReturnType<typeof createGroups>,
): void {
  for (const event of known.events) {
    const isPod = event.about.kind === 'Pod';
    const subject = isPod ? event.about : toOwner(event.about, known);
    const key = `${subject.kind} ${subject.namespace}/${subject.name}`;
    const isOver = isPod
      ? ready.has(`${subject.namespace}/${subject.name}`)
      : (newestPodAtMs.get(key) ?? 0) > event.lastAtMs;
    if (isOver) continue;
    for (const finding of explainEvent(event)) {
      groups.add(toRoot(finding), subject, isPod ? subject.name : undefined);
    }
  }
}

function addVersions(
  versions: ReadonlyMap<string, Pod>,
  groups: ReturnType<typeof createGroups>,
): void {
  if (versions.size < 2) return;
  const names = [...versions.keys()].sort();
  const detail = `the proxies of the input are of ${names.length} versions: ${names.slice(0, 10).join(', ')}`;
  const fix = 'Roll out one version; docs/upgrade.md has the order.';
  for (const { subject } of versions.values()) {
    groups.add({ cause: 'fleet-versions', because: undefined, detail, fix }, subject, undefined);
  }
}
