/** Replaces the text from `start` up to `end`; line breaks in `text` are `\n`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Makes edits, of which only removals may overlap. Those at one place are made in the order given, except that
 * insertions come before removals and replacements there. Line breaks become those of the text.
 * @returns undefined if others overlap.
 */
export function applyEdits(text: string, edits: readonly Edit[]): string | undefined {
  const lineBreak = /\r?\n/.exec(text)?.[0] ?? '\n';
  const inOrder = edits.toSorted((a, b) => a.start - b.start || a.end - b.end);
  let result = '';
  let done = 0;
  for (const edit of inOrder) {
    if (edit.start < done && edit.text !== '') return undefined;
    result += text.slice(done, edit.start) + edit.text.replaceAll('\n', lineBreak);
    done = Math.max(done, edit.end);
  }
  return result + text.slice(done);
}

/** Offset of the first character of the line. */
export function lineStart(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
}

/** Offset of the line break that ends the line, or of the end of the text. */
export function lineEnd(text: string, offset: number): number {
  const found = text.indexOf('\n', offset);
  if (found === -1) return text.length;
  return text[found - 1] === '\r' ? found - 1 : found;
}

/** White space before the first other character of the line. */
export function indentation(text: string, offset: number): string {
  return /[ \t]*/y.exec(text.slice(lineStart(text, offset), lineEnd(text, offset)))?.[0] ?? '';
}

/** Whether nothing but white space stands before it on its line. */
export function isFirstOnLine(text: string, offset: number): boolean {
  return text.slice(lineStart(text, offset), offset).trim() === '';
}
