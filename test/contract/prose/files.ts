import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, findHabits } from './habits.ts';

const root = join(import.meta.dirname, '../../..');
/** How many habits each file may still have: the counts only go down. */
export const countsFile = join(import.meta.dirname, 'counts.json');

const folders = [
  'src',
  'test',
  'docs',
  'demo',
  'build',
  'bench',
  'fuzz',
  'fleet',
  'chaos',
  'examples',
  'deploy',
  'charts',
  '.ci',
  '.github',
];
/** What others wrote, or a program: recordings, locks, manifests as they were given to us. */
const foreign =
  /^(?:test\/fixtures|test\/clients\/(?:locks|programs)|test\/clients\/laboratory\.json|CODE_OF_CONDUCT)/;
const text = /\.(?:ts|md|yaml|yml|sh|cjs|mjs)$|^\.ci\/|^Dockerfile/;

/** Everything that a person reads, with its path from the root. */
export function listFiles(): readonly string[] {
  const inFolders = folders.flatMap((folder) => {
    try {
      return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
    } catch {
      return [];
    }
  });
  const atRoot = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
  return [...inFolders, ...atRoot]
    .filter((file) => text.test(file) && !foreign.test(file))
    .toSorted();
}

export function findInProject(): ReadonlyMap<string, readonly Finding[]> {
  return new Map(
    listFiles().flatMap((file) => {
      const found = findHabits(file, readFileSync(join(root, file), 'utf8'));
      return found.length === 0 ? [] : [[file, found] as const];
    }),
  );
}

export function readCounts(): Readonly<Record<string, number>> {
  return JSON.parse(readFileSync(countsFile, 'utf8')) as Readonly<Record<string, number>>;
}

/**
 * Files that have more habits than they may. A file that was moved takes its count along: what is recorded of
 * files that are gone may be used up by files that are new.
 */
export function findExcess(
  found: ReadonlyMap<string, readonly Finding[]>,
  counts: Readonly<Record<string, number>>,
  files: readonly string[],
): readonly string[] {
  const existing = new Set(files);
  let movable = Object.entries(counts)
    .filter(([file]) => !existing.has(file))
    .reduce((sum, [, count]) => sum + count, 0);
  return [...found].flatMap(([file, findings]) => {
    const excess = findings.length - (counts[file] ?? 0);
    if (excess <= 0) return [];
    if (counts[file] === undefined && excess <= movable) {
      movable -= excess;
      return [];
    }
    return [file];
  });
}
