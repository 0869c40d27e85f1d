import { alignLists } from './align.ts';
import { isEqual, type Value, type ValueMap } from './value.ts';

/** What becomes of the items of a list or the pairs of a map, in the order in which they are written. */
export interface Plan {
  readonly fates: readonly Fate[];
  /** Additions behind the kept item at that place; -1 for the beginning. */
  readonly added: ReadonlyMap<number, readonly Addition[]>;
}

export type Fate =
  | { readonly kind: 'keep' }
  | { readonly kind: 'remove' }
  | { readonly kind: 'change'; readonly from: Value; readonly to: Value };

export interface Addition {
  /** undefined in a list. */
  readonly key: string | undefined;
  readonly value: Value;
}

const keep: Fate = { kind: 'keep' };
const remove: Fate = { kind: 'remove' };

export function planList(present: readonly Value[], wanted: readonly Value[]): Plan {
  const fates = present.map(() => remove);
  const added = new Map<number, Addition[]>();
  let last = -1;
  const alignment = alignLists(present, wanted);
  for (const [index, value] of wanted.entries()) {
    const place = alignment[index];
    if (place === undefined) {
      append(added, last, { key: undefined, value });
    } else {
      fates[place] = toFate(present[place] ?? null, value);
      last = place;
    }
  }
  return { fates, added };
}

/**
 * @param keys of the pairs in the order in which they are written, undefined for `<<`. Keys of the present
 * value that are not among them are merged in.
 */
export function planMap(
  keys: readonly (string | undefined)[],
  present: ValueMap,
  wanted: ValueMap,
): Plan {
  const fates = keys.map((key) => {
    if (key === undefined) return keep;
    return Object.hasOwn(wanted, key) ? toFate(present[key] ?? null, wanted[key] ?? null) : remove;
  });
  const added = new Map<number, Addition[]>();
  // `<<` stays first where it is.
  const first = keys.findIndex((key) => key !== undefined);
  let last = first === -1 ? keys.length - 1 : first - 1;
  for (const [key, value] of Object.entries(wanted)) {
    const place = keys.indexOf(key);
    if (place !== -1) last = place;
    else if (!Object.hasOwn(present, key) || !isEqual(present[key], value)) {
      append(added, last, { key, value });
    }
  }
  return { fates, added };
}

function toFate(from: Value, to: Value): Fate {
  return isEqual(from, to) ? keep : { kind: 'change', from, to };
}

function append(added: Map<number, Addition[]>, place: number, addition: Addition): void {
  const others = added.get(place);
  if (others === undefined) added.set(place, [addition]);
  else others.push(addition);
}
