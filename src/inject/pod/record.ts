import { recordAnnotation } from '../contract.ts';
import { ManifestError } from '../manifest/manifest-error.ts';
import { isList, isMap, type Value, type ValueMap } from '../manifest/value.ts';
import { getAt, parsePointer, putAt, removeAt } from './pointer.ts';

/**
 * How to undo an injection. It is kept in the pod, so that any later version can undo what an earlier one
 * did without knowing how that looked.
 */
export interface UndoRecord {
  /** Parts that were added. */
  readonly added: readonly string[];
  /** Lists and maps that were made to hold them, innermost first; they go if nobody else uses them. */
  readonly made: readonly string[];
  /** Parts that were changed or removed, and how they were. */
  readonly had: Readonly<Record<string, Former>>;
}

export interface Former {
  readonly value: Value;
  /** The key that it came behind; null if it was the first. */
  readonly after: string | null;
}

const format = 1;
const recordPointer = ['metadata', 'annotations', recordAnnotation];

export function formatRecord({ added, made, had }: UndoRecord): string {
  return JSON.stringify({ v: format, added, made, had });
}

export function isInjected(template: ValueMap): boolean {
  return getAt(template, recordPointer) !== undefined;
}

/**
 * The pod as it was before the injection that it bears the record of. What somebody has added since stays.
 * @throws ManifestError if the record is none that we have written.
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
    const { v, added, made, had } = record;
    if (v === format && isTexts(added) && isTexts(made) && isMap(had)) {
      return { added, made, had: toFormers(had) };
    }
  }
  const message = `the annotation ${recordAnnotation} does not hold what this version can undo; use the version that wrote it, or remove the annotation and what was injected by hand`;
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

function isTexts(value: Value | undefined): value is readonly string[] {
  return isList(value) && value.every((item) => typeof item === 'string');
}

function isEmpty(part: Value | undefined): boolean {
  return isList(part) ? part.length === 0 : isMap(part) && Object.keys(part).length === 0;
}
