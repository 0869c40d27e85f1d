import { recordAnnotation } from '../contract.ts';
import { isMap, type Value, type ValueMap } from '../manifest/value.ts';
import type { Fingerprints } from './hand-edits.ts';
import { formatPointer, getAt, insertAt, type Pointer, putAt, removeAt } from './pointer.ts';
import { type Former, formatRecord } from './record.ts';

/** What can be found again in a list: by its name, or by itself. */
export type Item = string | (ValueMap & { readonly name: string });

/** A pod that is being changed, and that remembers how to undo that. */
export interface Draft {
  /** Puts an item that has a name into a list; a missing list is made. */
  addItem(list: Pointer, index: number, item: Item): void;
  /** Sets an entry of a map; a missing map is made. */
  setEntry(map: Pointer, key: string, value: string): void;
  /** Takes an entry out of a map, if it is there. */
  removeEntry(map: Pointer, key: string): void;
  /**
   * The changed pod, with the record of how to undo the changes.
   * @param wrote fingerprints of the parts of our containers.
   */
  seal(wrote: Fingerprints): ValueMap;
}

const annotations: Pointer = ['metadata', 'annotations'];

/** Key before which a list or map is put that the pod does not have; else it goes to the end. */
const placesBefore: Readonly<Record<string, string>> = {
  '/spec/initContainers': 'containers',
  '/metadata': 'spec',
  '/metadata/labels': 'annotations',
};

export function createDraft(original: ValueMap): Draft {
  let template: Value = original;
  const added: string[] = [];
  const made: string[] = [];
  const had: Record<string, Former> = {};

  /** Makes sure that a list or map is there. */
  const provide = (pointer: Pointer, empty: Value): void => {
    if (pointer.length > 1) provide(pointer.slice(0, -1), {});
    const present = getAt(template, pointer);
    if (present !== undefined && present !== null) return;
    const path = formatPointer(pointer);
    if (present === null) had[path] = { value: null, after: keyBefore(template, pointer) };
    made.unshift(path);
    const siblings = getAt(template, pointer.slice(0, -1));
    const before = placesBefore[path];
    const keys = isMap(siblings) ? Object.keys(siblings) : [];
    const place = before === undefined ? -1 : keys.indexOf(before);
    const after = place === -1 ? undefined : (keys[place - 1] ?? null);
    template = putAt(template, pointer, empty, after);
  };

  return {
    addItem(list, index, item) {
      provide(list, []);
      added.push(formatPointer([...list, typeof item === 'string' ? item : item.name]));
      template = insertAt(template, list, index, item);
    },
    setEntry(map, key, value) {
      provide(map, {});
      const pointer = [...map, key];
      const present = getAt(template, pointer);
      if (present === value) return;
      if (present === undefined) added.push(formatPointer(pointer));
      else had[formatPointer(pointer)] = { value: present, after: keyBefore(template, pointer) };
      template = putAt(template, pointer, value);
    },
    removeEntry(map, key) {
      const pointer = [...map, key];
      const value = getAt(template, pointer);
      if (value === undefined) return;
      had[formatPointer(pointer)] = { value, after: keyBefore(template, pointer) };
      template = removeAt(template, pointer);
    },
    seal(wrote) {
      provide(annotations, {});
      const record = formatRecord({ added, made, had, wrote });
      const sealed = putAt(template, [...annotations, recordAnnotation], record);
      return isMap(sealed) ? sealed : original;
    },
  };
}

function keyBefore(template: Value, pointer: Pointer): string | null {
  const parent = getAt(template, pointer.slice(0, -1));
  const keys = isMap(parent) ? Object.keys(parent) : [];
  return keys[keys.indexOf(pointer.at(-1) ?? '') - 1] ?? null;
}
