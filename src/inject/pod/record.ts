import { recordAnnotation } from '../contract.ts';
import { ManifestError } from '../manifest/manifest-error.ts';
import { isList, isMap, type Value, type ValueMap } from '../manifest/value.ts';
import type { Fingerprints } from './hand-edits.ts';
import { getAt, parsePointer, putAt, removeAt } from './pointer.ts';

/**
 * How to undo an injection. It is kept in the pod, so that any later version can undo the work of an
 * earlier one.
 */
export interface UndoRecord {
  /** Parts that were added. */
  readonly added: readonly string[];
  /** Lists and maps that were made to hold them, innermost first; they go if nobody else uses them. */
  readonly made: readonly string[];
  /** Parts that were changed or removed, and how they were. */
  readonly had: Readonly<Record<string, Former>>;
  /** Fingerprints of what we wrote into our containers; undefined if an older version wrote the record. */
  readonly wrote: Fingerprints | undefined;
}

export interface Former {
  readonly value: Value;
  /** The key that it came behind; null if it was the first. */
  readonly after: string | null;
}

const format = 1;
const recordPointer = ['metadata', 'annotations', recordAnnotation];

export function formatRecord({ added, made, had, wrote }: UndoRecord): string {
  return JSON.stringify({ v: format, added, made, had, wrote });
}

/** What we wrote into our containers when the pod was injected; undefined if that is not known. */
export function findFingerprints(template: ValueMap): Fingerprints | undefined {
  return isInjected(template) ? parseRecord(getAt(template, recordPointer)).wrote : undefined;
}

export function isInjected(template: ValueMap): boolean {
  return getAt(template, recordPointer) !== undefined;
}

/**
 * The pod as it was before the injection that it bears the record of. What somebody has added since stays.
 * @throws ManifestError if we have not written the record.
 */
export function undoInjection(template: ValueMap): ValueMap {
  const { added, made, had } = parseRecord(getAt(template, recordPointer));
  let undone: Value = removeAt(template, recordPointer);
  for (const pointer of added) undone = removeAt(undone, parsePointer(pointer));
  for (const pointer of made) {
    const part = getAt(undone, parsePointer(pointer));
    if (isEmpty(part)) undone = removeAt(undone, parsePointer(pointer));
  }
  // Backwards, so that each finds the neighbour it had.
  for (const [pointer, { value, after }] of Object.entries(had).toReversed()) {
    // A list or map that was null and is still in use cannot become so again.
    const part = getAt(undone, parsePointer(pointer));
    if (value === null && part !== undefined && !isEmpty(part)) continue;
    undone = putAt(undone, parsePointer(pointer), value, after);
  }
  return isMap(undone) ? undone : template;
}

function parseRecord(text: Value | undefined): UndoRecord {
  const record = parseJson(text);
  if (isMap(record)) {
    const { v, added, made, had, wrote } = record;
    if (v === format && isTexts(added) && isTexts(made) && isMap(had)) {
      return { added, made, had: toFormers(had), wrote: toFingerprints(wrote) };
    }
  }
  const message = `the annotation ${recordAnnotation} is not a record that this version can undo; use the version that wrote it, or remove the annotation and our containers by hand`;
  throw new ManifestError(message, { path: recordPointer });
}

function parseJson(text: Value | undefined): Value {
  try {
    return JSON.parse(String(text));
  } catch {
    return null;
  }
}

function toFormers(had: ValueMap): Readonly<Record<string, Former>> {
  return Object.fromEntries(
    Object.entries(had).map(([pointer, former]) => {
      const { value = null, after = null } = isMap(former) ? former : {};
      return [pointer, { value, after: typeof after === 'string' ? after : null }];
    }),
  );
}

function toFingerprints(wrote: Value | undefined): Fingerprints | undefined {
  if (!isMap(wrote)) return undefined;
  return Object.fromEntries(
    Object.entries(wrote).flatMap(([pointer, print]) =>
      typeof print === 'string' ? [[pointer, print]] : [],
    ),
  );
}

function isTexts(value: Value | undefined): value is readonly string[] {
  return isList(value) && value.every((item) => typeof item === 'string');
}

function isEmpty(part: Value | undefined): boolean {
  return isList(part) ? part.length === 0 : isMap(part) && Object.keys(part).length === 0;
}
