/** What a manifest says, without how it is written. */
export type Value = string | number | boolean | null | readonly Value[] | ValueMap;

export interface ValueMap {
  readonly [key: string]: Value;
}

/** Keys and indices that lead from a value to a part of it. */
export type Path = readonly (string | number)[];

export function isMap(value: Value | undefined): value is ValueMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

/** Whether two values mean the same; the order of keys does not matter. */
export function isEqual(a: Value | undefined, b: Value | undefined): boolean {
  if (isList(a)) {
    return isList(b) && a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  }
  if (isMap(a)) {
    if (!isMap(b)) return false;
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]))
    );
  }
  return Object.is(a, b);
}

/** The part of a value that a path leads to; undefined if it does not exist. */
export function valueAt(value: Value | undefined, path: Path): Value | undefined {
  let found = value;
  for (const step of path) {
    if (isList(found) && typeof step === 'number') found = found[step];
    else if (isMap(found) && Object.hasOwn(found, step)) found = found[step];
    else return undefined;
  }
  return found;
}

/** The same value with another part at the end of the path, which must exist but for its last step. */
export function withValueAt(value: Value, path: Path, part: Value): Value {
  const [step, ...rest] = path;
  if (step === undefined) return part;
  if (isList(value) && typeof step === 'number') {
    return value.map((item, index) => (index === step ? withValueAt(item, rest, part) : item));
  }
  if (!isMap(value)) throw new TypeError(`no map at ${JSON.stringify(step)}`);
  return { ...value, [step]: withValueAt(value[step] ?? null, rest, part) };
}
