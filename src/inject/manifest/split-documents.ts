/** One YAML document of a file, as text. All chunks of a file joined are the file again. */
export interface Chunk {
  /** From its `---`, if it has one, up to the next. */
  readonly text: string;
  /** Line of the file, from 1, on which the text begins. */
  readonly line: number;
  /** Counts the documents of a file from 1. */
  readonly number: number;
}

/**
 * Cuts a file at its document markers, so that a broken document leaves the others readable and what is
 * not changed stays as it is, byte for byte. At the start of a line, `---` and `...` are markers wherever
 * they occur, block scalars included (YAML 1.2.2, 9.1.2).
 */
export function splitDocuments(file: string): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let start = 0;
  let line = 1;
  let number = 1;
  for (const end of [...boundaries(file), file.length]) {
    if (end === start) continue;
    const text = file.slice(start, end);
    chunks.push({ text, line, number });
    start = end;
    line += text.split('\n').length - 1;
    // Comments and blank lines before the first marker are no document of their own.
    if (text.startsWith('---') || !isBlank(text)) number += 1;
  }
  return chunks;
}

function* boundaries(file: string): Generator<number> {
  let start = 0;
  for (const { 1: marker, index } of file.matchAll(/(?<![^\n])(---|\.\.\.)(?=\s|$)/g)) {
    const begun = file.slice(start, index);
    // A directive belongs to the document that its `---` begins.
    if (marker === '---' && /^%/m.test(begun) && !begun.startsWith('---')) continue;
    start = marker === '---' ? index : file.indexOf('\n', index) + 1 || file.length;
    yield start;
  }
}

/** True if there are only comments and blank lines. */
export function isBlank(text: string): boolean {
  return text.split('\n').every((line) => /^\s*(?:#|$)/.test(line));
}
