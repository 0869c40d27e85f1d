import { isMap, type Value } from './value.ts';

/**
 * Finds for each wanted item the index of the present item that it is, if it is one, without changing the
 * order of any. Items are the same if they have the same name, as containers, variables and volumes have,
 * or, without names, if they are equal. Where as many items are left over on either side between two of
 * these, maps without names are taken for changed forms of each other, as the objects of a List are.
 */
export function alignLists(
  present: readonly Value[],
  wanted: readonly Value[],
): readonly (number | undefined)[] {
  const alignment: (number | undefined)[] = [];
  let from = 0;
  let to = 0;
  const closeGap = (fromEnd: number, toEnd: number): void => {
    const isEven = fromEnd - from === toEnd - to;
    for (; to < toEnd; to += 1, from += 1) {
      alignment.push(isEven && isChangedForm(present[from], wanted[to]) ? from : undefined);
    }
  };
  for (const pair of findCommon(present.map(toId), wanted.map(toId))) {
    closeGap(pair.from, pair.to);
    alignment.push(pair.from);
    from = pair.from + 1;
    to = pair.to + 1;
  }
  closeGap(present.length, wanted.length);
  return alignment;
}

interface Match {
  readonly from: number;
  readonly to: number;
}

/** The longest common subsequence. */
function findCommon(present: readonly string[], wanted: readonly string[]): readonly Match[] {
  // rows[i][j]: how many of the present items from i and the wanted ones from j can be paired.
  const rows: number[][] = [new Array<number>(wanted.length + 1).fill(0)];
  for (const id of present.toReversed()) {
    const below = rows[0] ?? [];
    const row = [0];
    for (let j = wanted.length - 1; j >= 0; j -= 1) {
      const [right = 0] = row;
      row.unshift(id === wanted[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, right));
    }
    rows.unshift(row);
  }

  const matches: Match[] = [];
  for (let i = 0, j = 0; i < present.length && j < wanted.length; ) {
    if (present[i] === wanted[j]) {
      matches.push({ from: i, to: j });
      i += 1;
      j += 1;
    } else if ((rows[i + 1]?.[j] ?? 0) >= (rows[i]?.[j + 1] ?? 0)) {
      i += 1;
    } else {
      j += 1;
    }
  }
  return matches;
}

function toId(item: Value): string {
  const name = isMap(item) ? item['name'] : undefined;
  return typeof name === 'string' ? `name ${name}` : `value ${JSON.stringify(item)}`;
}

function isChangedForm(present: Value | undefined, wanted: Value | undefined): boolean {
  if (!isMap(present) || !isMap(wanted)) return false;
  if (typeof present['name'] === 'string' || typeof wanted['name'] === 'string') return false;
  return Object.keys(present).some((key) => Object.hasOwn(wanted, key));
}
