import { isList, isMap, type Value, type ValueMap } from '../manifest/value.ts';

/**
 * Way to a part of a pod, by keys and, in lists, by the names of the items; written like a JSON Pointer
 * (RFC 6901).
 */
export type Pointer = readonly string[];

export function formatPointer(pointer: Pointer): string {
  return pointer.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

export function parsePointer(text: string): Pointer {
  return text
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

export function getAt(value: Value | undefined, pointer: Pointer): Value | undefined {
  let found = value;
  for (const step of pointer) {
    if (isList(found)) found = found.find((item) => nameOf(item) === step);
    else found = isMap(found) && Object.hasOwn(found, step) ? found[step] : undefined;
  }
  return found;
}

/** The value without the part; the value itself if it has no such part. */
export function removeAt(value: Value, pointer: Pointer): Value {
  return updateParent(value, pointer, (parent, last) => {
    if (isList(parent)) return parent.filter((item) => nameOf(item) !== last);
    return Object.fromEntries(Object.entries(parent).filter(([key]) => key !== last));
  });
}

/**
 * The value with an entry of a map set. A new one goes behind the given key, to the beginning if that is
 * null, else to the end.
 */
export function putAt(value: Value, pointer: Pointer, part: Value, after?: string | null): Value {
  return updateParent(value, pointer, (parent, last) => {
    if (isList(parent)) return parent.map((item) => (nameOf(item) === last ? part : item));
    const entries = Object.entries(parent);
    const keys = Object.keys(parent);
    if (keys.includes(last)) return { ...parent, [last]: part };
    const place = after === null ? 0 : after === undefined ? -1 : keys.indexOf(after) + 1;
    entries.splice(place > 0 || after === null ? place : entries.length, 0, [last, part]);
    return Object.fromEntries(entries);
  });
}

/** The value with an item put into a list that exists. */
export function insertAt(value: Value, list: Pointer, index: number, item: Value): Value {
  return updateParent(value, list, (parent, last) => {
    const items = getAt(parent, [last]);
    return putAt(parent, [last], isList(items) ? items.toSpliced(index, 0, item) : [item]);
  });
}

/** The name that an item of a list is found by: a text, as in a list of capabilities, is its own. */
export function nameOf(item: Value | undefined): string | undefined {
  const name = isMap(item) ? item['name'] : item;
  return typeof name === 'string' ? name : undefined;
}

function updateParent(
  value: Value,
  pointer: Pointer,
  update: (parent: ValueMap | readonly Value[], last: string) => Value,
): Value {
  const [step, ...rest] = pointer;
  if (step === undefined || (!isMap(value) && !isList(value))) return value;
  if (rest.length === 0) return update(value, step);
  if (isList(value)) {
    return value.map((item) => (nameOf(item) === step ? updateParent(item, rest, update) : item));
  }
  const child = Object.hasOwn(value, step) ? value[step] : undefined;
  return child === undefined ? value : { ...value, [step]: updateParent(child, rest, update) };
}
