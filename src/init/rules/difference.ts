/** Rules as a backend lists them, without counters, by chain. */
export type Listing = ReadonlyMap<string, readonly string[]>;

/**
 * The first difference between a listing and the expected one; undefined if they are equal. Both are the
 * backend's own text: the kernel's listing is never interpreted.
 */
export function findDifference(wanted: Listing, actual: Listing): string | undefined {
  for (const [chain, expected] of wanted) {
    const found = actual.get(chain) ?? [];
    if (expected.join('\n') === found.join('\n')) continue;
    const stray = findStray(expected, found);
    if (stray !== undefined) return `there is also "-A ${chain} ${stray}"`;
    return `${chain} should hold ${toText(expected)}, and holds ${toText(found)}`;
  }
  for (const [chain, found] of actual) {
    if (!wanted.has(chain)) return `there is also the chain ${chain} with ${toText(found)}`;
  }
  return undefined;
}

/** The one line too many, if that is all that is wrong. */
function findStray(expected: readonly string[], found: readonly string[]): string | undefined {
  const at = found.findIndex((line, index) => line !== expected[index]);
  return found.toSpliced(at, 1).join('\n') === expected.join('\n') ? found[at] : undefined;
}

function toText(lines: readonly string[]): string {
  return lines.length === 0 ? 'nothing' : lines.map((line) => `"${line}"`).join(' ');
}
