import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const root = join(import.meta.dirname, '..', '..', '..');

/** A Markdown document of the project. */
export interface Document {
  /** Path from the root of the project. */
  readonly file: string;
  readonly text: string;
  /** The text with its fenced blocks blanked out. */
  readonly prose: string;
  /** What the fenced blocks hold. */
  readonly blocks: readonly string[];
}

const fence = /^```[^\n]*\n([\s\S]*?)^```$/gm;

/** All documents at the root and below docs/ and charts/. */
export const documents: readonly Document[] = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...['docs', 'charts'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
      .map((entry) => relative(root, join(entry.parentPath, entry.name))),
  ),
]
  .toSorted()
  .map((file) => toDocument(file, readFileSync(join(root, file), 'utf8')));

export function toDocument(file: string, text: string): Document {
  return {
    file,
    text,
    prose: text.replace(fence, (block) => block.replace(/[^\n]/g, '')),
    blocks: [...text.matchAll(fence)].map(([, content = '']) => content),
  };
}

export function documentOf(file: string): Document {
  const found = documents.find((document) => document.file === file);
  if (found === undefined) throw new Error(`there is no ${file}`);
  return found;
}

/** What stands in the document as code: its blocks, and what is between backticks. */
export function toCode({ prose, blocks }: Document): readonly string[] {
  return [...blocks, ...[...prose.matchAll(/`([^`\n]+)`/g)].map(([, content = '']) => content)];
}

/** The cells of every table row whose table has these headings. */
export function toRows({ prose }: Document, head: readonly string[]): readonly string[][] {
  const rows: string[][] = [];
  let isWanted = false;
  for (const line of prose.split('\n')) {
    if (!line.startsWith('|')) {
      isWanted = false;
      continue;
    }
    const cells = line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim());
    if (cells.join() === head.join()) isWanted = true;
    else if (isWanted && !cells.every((cell) => /^-+$/.test(cell))) rows.push(cells);
  }
  return rows;
}

/**
 * The lines of a test file that have a title, which is written as `file`: title. Titles stand in their files as
 * they are, also where they are templates.
 * @throws if there is no such file
 */
export function findTitle(held: string): readonly string[] {
  const [, file = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(held) ?? [];
  return readFileSync(join(root, file), 'utf8')
    .split('\n')
    .filter((line) => line.includes(title) && !/^\s*(?:\/\/|\*)/.test(line));
}
