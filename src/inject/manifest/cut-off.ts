import { type Chunk, startOfContent } from './split-documents.ts';

/** A dump that does not end. */
export interface CutOff {
  readonly line: number;
  readonly message: string;
  readonly fix: string;
}

/**
 * `kubectl` writes `kind: List` behind the items, so that a dump without it was cut off, and reading it as YAML
 * would give all items but the last ones in silence.
 */
export function findCutOff(chunk: Chunk): CutOff | undefined {
  const { text } = chunk;
  const cutOff = (message: string): CutOff => ({
    line: startOfContent(chunk).line,
    message,
    fix: 'make the dump again, and look at what kubectl wrote to standard error',
  });
  if (/^\s*\{/.test(text)) {
    // Complete JSON values are separate documents; this one does not end.
    if (/\}\s*$/.test(text) || /^\s*\{\{/.test(text)) return undefined;
    return /"(?:apiVersion|items|kind)"/.test(text.slice(0, 4_096))
      ? cutOff('the JSON does not end: the dump was cut off')
      : undefined;
  }
  const lead = text.slice(0, 4_096);
  const isList = /^apiVersion: *["']?v1["']?\s*\nitems:/m.test(lead);
  if (!isList || /^kind:/m.test(text)) return undefined;
  return cutOff('a List without its kind, which kubectl writes last: the dump was cut off');
}
