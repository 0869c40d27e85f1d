import { createHash } from 'node:crypto';
import { initName, proxyName } from '../contract.ts';
import { isEqual, isList, isMap, type Value, type ValueMap } from '../manifest/value.ts';
import type { Container } from './containers.ts';
import { getAt, nameOf } from './pointer.ts';

/**
 * What we wrote, part by part, as `container/part` and a short hash. Values do not belong into an annotation:
 * some are secrets.
 */
export type Fingerprints = Readonly<Record<string, string>>;

/** Parts of our containers that people may add to or change; the rest is ours, and is reset. */
const lists = ['env', 'envFrom', 'volumeMounts', 'ports'];
const fixedPart = '*';
const fixed = [
  'name',
  'image',
  'imagePullPolicy',
  'command',
  'args',
  'restartPolicy',
  'securityContext',
  'lifecycle',
];

export function fingerprint(containers: readonly Container[]): Fingerprints {
  return Object.fromEntries(
    containers.flatMap((container) =>
      [...partsOf(container)].map(([part, value]) => [`${container.name}/${part}`, hash(value)]),
    ),
  );
}

/** The containers of ours as a pod has them, by name. */
export function findOurs(template: ValueMap): ReadonlyMap<string, ValueMap> {
  const found = new Map<string, ValueMap>();
  for (const list of ['initContainers', 'containers']) {
    for (const name of [proxyName, initName]) {
      const container = getAt(template, ['spec', list, name]);
      if (isMap(container)) found.set(name, container);
    }
  }
  return found;
}

export interface Merged {
  readonly container: Container;
  readonly notes: readonly string[];
}

/**
 * A container of ours as it should be, with the parts that people have put into the present one. Nothing goes in silence.
 * @param present the container in the manifest; undefined if there was no such container.
 * @param wrote what we had written into it; undefined if that is not known, and then nothing can be kept.
 */
export function keepHandEdits(
  wanted: Container,
  present: ValueMap | undefined,
  wrote: Fingerprints | undefined,
): Merged {
  if (present === undefined) return { container: wanted, notes: [] };
  const { name } = wanted;
  const isUntouched = (part: string, value: Value): boolean =>
    wrote?.[`${name}/${part}`] === hash(value);
  const wantedParts = partsOf(wanted);
  const presentParts = partsOf(present);
  const kept: string[] = [];
  const lost: string[] = [];
  const gone: string[] = [];
  const additions = new Map<string, Value>();
  for (const [part, value] of presentParts) {
    const ours = wantedParts.get(part);
    if (isEqual(ours, value)) continue;
    if (isUntouched(part, value)) {
      if (ours === undefined) gone.push(part);
    } else if (part === fixedPart) {
      if (wrote !== undefined) lost.push(...differences(value, ours ?? {}));
    } else if (wrote === undefined || isChangedByUs(ours, wrote[`${name}/${part}`])) {
      lost.push(part);
    } else {
      kept.push(part);
      additions.set(part, value);
    }
  }
  // A part that somebody has taken out comes back.
  for (const [part, value] of wantedParts) {
    if (!presentParts.has(part) && isUntouched(part, value)) lost.push(`the removal of ${part}`);
  }
  const reset =
    wrote === undefined
      ? 'replaced, by hand-made changes or not, since an older version wrote no record of them'
      : 'reset changes made by hand';
  return {
    container: apply(wanted, present, additions),
    notes: [
      ...note(name, 'kept changes made by hand', kept),
      ...note(name, reset, lost),
      ...note(name, 'removed, since the flags no longer set it', gone),
    ],
  };
}

/** Both sides have changed it: the flags win. */
function isChangedByUs(ours: Value | undefined, before: string | undefined): boolean {
  return ours !== undefined && hash(ours) !== before;
}

function differences(present: Value, wanted: Value): readonly string[] {
  const [a, b] = [present, wanted].map((part) => (isMap(part) ? part : {}));
  const keys = new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})]);
  return [...keys].filter((key) => !isEqual(a?.[key], b?.[key]));
}

function note(name: string, what: string, parts: readonly string[]): readonly string[] {
  return parts.length === 0 ? [] : [`container ${name}: ${what}: ${parts.join(', ')}`];
}

/** Fields of a container, those that are ours alone as one, and lists item by item: `env/HTTPS_PROXY`. */
function partsOf(container: ValueMap): ReadonlyMap<string, Value> {
  const parts = new Map<string, Value>();
  const ours = Object.entries(container).filter(([key]) => fixed.includes(key));
  parts.set(fixedPart, Object.fromEntries(ours));
  for (const [key, value] of Object.entries(container)) {
    if (fixed.includes(key)) continue;
    if (!lists.includes(key) || !isList(value)) {
      parts.set(key, value);
      continue;
    }
    for (const [index, item] of value.entries()) {
      parts.set(`${key}/${idOf(item) ?? index}`, item);
    }
  }
  return parts;
}

function idOf(item: Value): string | undefined {
  const path = isMap(item) ? item['mountPath'] : undefined;
  const port = isMap(item) ? item['containerPort'] : undefined;
  if (typeof path === 'string') return path;
  return nameOf(item) ?? (typeof port === 'number' ? `${port}` : undefined);
}

/** The wanted container with parts of the present one, in the present one's order. */
function apply(
  wanted: Container,
  present: ValueMap,
  additions: ReadonlyMap<string, Value>,
): Container {
  if (additions.size === 0) return wanted;
  let result: Container = wanted;
  const inLists = new Set<string>();
  for (const [part, value] of additions) {
    const [key = '', id] = part.split(/\/(.*)/s);
    if (id === undefined) result = { ...result, [key]: value };
    else inLists.add(key);
  }
  for (const key of inLists) {
    const ours = new Map([...partsOf(wanted)].filter(([part]) => part.startsWith(`${key}/`)));
    const theirs = isList(present[key]) ? present[key] : [];
    const items: Value[] = [];
    const done = new Set<string>();
    for (const [index, item] of theirs.entries()) {
      const part = `${key}/${idOf(item) ?? index}`;
      const value = additions.get(part) ?? ours.get(part);
      done.add(part);
      if (value !== undefined) items.push(value);
    }
    for (const [part, item] of ours) if (!done.has(part)) items.push(item);
    result = { ...result, [key]: items };
  }
  return result;
}

/** Hashes of parts that were seen: a stream of pods gets the same containers over and over. */
const hashes = new Map<string, string>();
const mostHashes = 512;

function hash(value: Value): string {
  const text = JSON.stringify(value);
  const known = hashes.get(text);
  if (known !== undefined) return known;
  const fresh = createHash('sha256').update(canonical(value)).digest('base64url').slice(0, 8);
  if (hashes.size >= mostHashes) hashes.clear();
  hashes.set(text, fresh);
  return fresh;
}

/** Serialised without regard to the order of keys. */
function canonical(value: Value): string {
  if (isList(value)) return `[${value.map(canonical).join()}]`;
  if (!isMap(value)) return JSON.stringify(value);
  const entries = Object.keys(value).sort();
  return `{${entries.map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join()}}`;
}
