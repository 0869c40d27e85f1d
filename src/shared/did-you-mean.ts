/**
 * Up to three names that were probably meant by a name that does not exist. Case and separators do not
 * count: `alowed_resources` suggests `allowed-resources`.
 */
export function findSimilar(name: string, candidates: readonly string[]): readonly string[] {
  const word = toComparable(name);
  const byDistance = candidates
    .map((candidate) => {
      const other = toComparable(candidate);
      // Up to a third of the letters may be wrong.
      const most = Math.max(1, Math.floor(Math.max(word.length, other.length) / 3));
      return { candidate, most, edits: countEdits(word, other, most) };
    })
    .filter(({ edits, most }) => edits <= most)
    .toSorted((a, b) => a.edits - b.edits);
  const [nearest] = byDistance;
  if (nearest !== undefined) return [nearest.candidate];

  const words = toWords(name);
  return candidates
    .filter((candidate) => {
      const others = toWords(candidate);
      return isWithin(words, others) || (others.length > 1 && isWithin(others, words));
    })
    .slice(0, 3);
}

/** `did you mean --a or --b?`; undefined without names. */
export function formatSuggestion(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : `did you mean ${names.join(' or ')}?`;
}

/** Upper case, letters and digits only. */
export function toComparable(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9]/g, '');
}

function toWords(name: string): readonly string[] {
  return name.toUpperCase().split(/[^A-Z0-9]+/);
}

function isWithin(words: readonly string[], others: readonly string[]): boolean {
  return words.every((word) => others.includes(word));
}

/**
 * The number of letters to insert, delete, replace or swap with their neighbour to turn one word into the
 * other (optimal string alignment distance); `most + 1` if it is greater than `most`.
 */
export function countEdits(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  let leastOfLast = 0;
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const isSame = a[i - 1] === b[j - 1];
      let edits = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (isSame ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(edits);
    }
    const least = Math.min(...row);
    // Two rows, because swapped letters count from the row before the last.
    if (least > most && leastOfLast > most) return most + 1;
    leastOfLast = least;
    beforeLast = last;
    last = row;
  }
  return Math.min(last[b.length] ?? 0, most + 1);
}
