import { endOfJsonValue } from './json-scan.ts';

/** One document of a file, as text. All chunks of a file joined are the file again. */
export interface Chunk {
  /** YAML: from its `---`, if it has one, up to the next. JSON: up to the next value. */
  readonly text: string;
  /** Line of the file, from 1, on which the text begins. */
  readonly line: number;
  /** Counts the documents of a file from 1. */
  readonly number: number;
}

/**
 * Cuts a file into documents one at a time, so that a broken document leaves the others readable and
 * unchanged documents stay byte for byte. A file is a stream of YAML documents, or one of JSON values as
 * `kubectl` reads it.
 */
export function* splitDocuments(file: string): Generator<Chunk> {
  let start = 0;
  let line = 1;
  let number = 1;
  for (const end of jsonBoundaries(file) ?? yamlBoundaries(file)) {
    if (end === start) continue;
    const text = file.slice(start, end);
    yield { text, line, number };
    start = end;
    line += countLineBreaks(text);
    // Comments and blank lines before the first marker are not a document.
    if (text.startsWith('---') || !isBlank(text)) number += 1;
  }
}

/** True if there are only comments and blank lines. */
export function isBlank(text: string): boolean {
  return /^(?:[^\S\n]*(?:#[^\n]*)?(?:\n|$))*$/.test(text);
}

/** Where the first thing stands that is not a marker, a comment or white space. */
export function startOfContent({ text, line }: Chunk): {
  readonly line: number;
  readonly column: number;
} {
  const lead = /^(?:---(?=\s)|%[^\n]*\n|\s+|#[^\n]*|-[^\S\n]+)*/.exec(text)?.[0] ?? '';
  const column = lead.length - (lead.lastIndexOf('\n') + 1) + 1;
  return { line: line + countLineBreaks(lead), column };
}

export function countLineBreaks(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/**
 * At the start of a line, `---` and `...` are markers wherever they occur, block scalars included (YAML 1.2.2,
 * 9.1.2).
 */
function* yamlBoundaries(file: string): Generator<number> {
  let start = 0;
  for (const { 1: marker, index } of file.matchAll(/(?<![^\n])(---|\.\.\.)(?=\s|$)/g)) {
    const begun = file.slice(start, index);
    // A directive belongs to the document that its `---` begins.
    if (marker === '---' && /^%/m.test(begun) && !begun.startsWith('---')) continue;
    start = marker === '---' ? index : file.indexOf('\n', index) + 1 || file.length;
    yield start;
  }
  yield file.length;
}

/** Where JSON values end that follow one another; undefined if the file is anything else. */
function jsonBoundaries(file: string): readonly number[] | undefined {
  const ends: number[] = [];
  for (let at = skipSpace(file, 0); at < file.length; ) {
    const end = file[at] === '{' ? endOfJsonValue(file, at) : undefined;
    if (end === undefined) return undefined;
    at = skipSpace(file, end);
    // A line break after a value belongs to it, further ones to the next.
    ends.push(at === file.length ? at : file.slice(end, at).startsWith('\n') ? end + 1 : end);
  }
  return ends.length === 0 ? undefined : ends;
}

function skipSpace(text: string, from: number): number {
  const space = /\s*/y;
  space.lastIndex = from;
  return from + (space.exec(text)?.[0].length ?? 0);
}
