/** Puts files one behind the other so that the result is one stream that `kubectl` reads. */
export interface Joiner {
  /** What stands before the first text of a file. */
  begin(text: string): string;
  /** A part of the current file, as it must be printed. */
  add(text: string): string;
}

/**
 * JSON files alone stay a stream of JSON values; `kubectl` reads no `---` between those. As soon as one file is
 * YAML, all are documents of a YAML stream. A single file stays as it is.
 * @param files the texts of all files.
 */
export function createJoiner(files: readonly string[]): Joiner {
  const texts = files.filter((text) => text.trim() !== '');
  const isJsonOnly = texts.every(isJson);
  const isMixed = !isJsonOnly && texts.some(isJson);
  let isFirst = true;
  let endsLine = true;
  let isAtStart = false;
  return {
    begin(text) {
      if (text.trim() === '') return '';
      const wasFirst = isFirst;
      isFirst = false;
      isAtStart = !wasFirst;
      const lead = endsLine ? '' : '\n';
      endsLine = true;
      if (isJsonOnly) return wasFirst ? '' : lead;
      // kubectl takes a stream for JSON if it begins with a brace.
      if (wasFirst) return isMixed && isJson(text) ? '---\n' : '';
      return /^\uFEFF?(?:%[^\n]*\n)*---(?:\s|$)/.test(text) ? lead : `${lead}---\n`;
    },
    add(text) {
      if (text === '') return '';
      // A byte order mark and a YAML directive may only stand at the start of a stream.
      const part = isAtStart ? text.replace(/^\uFEFF?(?:%YAML[^\n]*\n)?/, '') : text;
      isAtStart &&= part === '';
      if (part === '') return '';
      endsLine = part.endsWith('\n');
      return part;
    },
  };
}

function isJson(text: string): boolean {
  return /^\uFEFF?\s*\{/.test(text);
}
