import { stringify } from 'yaml';
import type { Value } from './value.ts';

/** How a document is written, so that what is added looks like the rest. */
export interface Style {
  /** Spaces by which a level is indented. */
  readonly indent: number;
  /** Whether a list is indented below its key. */
  readonly indentLists: boolean;
}

/** `key: value` or, without a key, `- value`: a block at column 0 without a line break at its end. */
export function emitBlock(key: string | undefined, value: Value, style: Style): string {
  return emit(key === undefined ? [value] : { [key]: value }, style);
}

/** What follows after the colon of a pair: ` x`, or a line break and lines. */
export function emitAfterColon(value: Value, style: Style): string {
  return emit({ k: value }, style).slice('k:'.length);
}

/**
 * `"key": value` or, without a key, `value` as JSON, which is also what YAML's flow style takes.
 * @param step if given, the text has line breaks and a level is indented by it.
 */
export function emitFlow(key: string | undefined, value: Value, step: string | undefined): string {
  const json = JSON.stringify(value, null, step);
  return key === undefined ? json : `${JSON.stringify(key)}: ${json}`;
}

/** Puts the same white space before every line but the first, and but empty ones. */
export function indentLines(text: string, prefix: string): string {
  return text.replace(/\n(?!\n|$)/g, `\n${prefix}`);
}

function emit(value: unknown, { indent, indentLists }: Style): string {
  return stringify(value, {
    indent,
    indentSeq: indentLists,
    lineWidth: 0,
    nullStr: '',
    // What follows a block scalar in the document could become part of it.
    blockQuote: false,
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
    // Kubernetes reads YAML 1.1, where yes, on and 0440 are no strings unless quoted.
    compat: 'yaml-1.1',
    aliasDuplicateObjects: false,
  }).replace(/\n$/, '');
}
