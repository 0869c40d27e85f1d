import { isMap, type Value, valueAt } from './value.ts';

/**
 * Finds for each wanted item the index of the present item that it is, if it is one, without changing the
 * order of any. Items are the same if they have the same name, as containers, variables, volumes and the
 * objects of a List have, or, without names, if they are equal. Where as many items are left over on either
 * side between two of these, maps without names are treated as changed forms of each other.
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
  for (const match of findCommon(present.map(toId), wanted.map(toId))) {
    closeGap(match.from, match.to);
    alignment.push(match.from);
    from = match.from + 1;
    to = match.to + 1;
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
  // Nearly always all that is there stays in its place, and a table of thousands squared is not needed.
  let start = 0;
  while (start < present.length && present[start] === wanted[start]) start += 1;
  const head = Array.from({ length: start }, (_, index) => ({ from: index, to: index }));
  const tail = findCommonByTable(present.slice(start), wanted.slice(start));
  return [...head, ...tail.map(({ from, to }) => ({ from: from + start, to: to + start }))];
}

function findCommonByTable(
  present: readonly string[],
  wanted: readonly string[],
): readonly Match[] {
  // Cell i, j: how many of the present items from i and the wanted ones from j can be matched.
  const width = wanted.length + 1;
  const cells = new Uint32Array((present.length + 1) * width);
  const cell = (i: number, j: number): number => cells[i * width + j] ?? 0;
  for (let i = present.length - 1; i >= 0; i -= 1) {
    for (let j = wanted.length - 1; j >= 0; j -= 1) {
      const isSame = present[i] === wanted[j];
      cells[i * width + j] = isSame
        ? cell(i + 1, j + 1) + 1
        : Math.max(cell(i + 1, j), cell(i, j + 1));
    }
  }

  const matches: Match[] = [];
  for (let i = 0, j = 0; i < present.length && j < wanted.length; ) {
    if (present[i] === wanted[j]) {
      matches.push({ from: i, to: j });
      i += 1;
      j += 1;
    } else if (cell(i + 1, j) >= cell(i, j + 1)) {
      i += 1;
    } else {
      j += 1;
    }
  }
  return matches;
}

function toId(item: Value): string {
  const name = toName(item);
  return name === undefined ? `value ${JSON.stringify(item)}` : `name ${name}`;
}

function toName(item: Value | undefined): string | undefined {
  const name = valueAt(item, ['name']);
  if (typeof name === 'string') return name;
  const [kind, namespace, objectName] = [
    ['kind'],
    ['metadata', 'namespace'],
    ['metadata', 'name'],
  ].map((path) => valueAt(item, path) ?? null);
  return typeof objectName === 'string' ? JSON.stringify([kind, namespace, objectName]) : undefined;
}

function isChangedForm(present: Value | undefined, wanted: Value | undefined): boolean {
  if (!isMap(present) || !isMap(wanted)) return false;
  if (toName(present) !== undefined || toName(wanted) !== undefined) return false;
  return Object.keys(present).some((key) => Object.hasOwn(wanted, key));
}
