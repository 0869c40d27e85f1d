import { stringify } from 'yaml';
import { isList, isMap, type Value } from './value.ts';

/** How a document is written, so that additions look like the rest. */
export interface Style {
  /** Spaces by which a map is indented below its key. */
  readonly indent: number;
  /** Spaces by which a list is indented below its key; often none. */
  readonly listIndent: number;
}

/** Texts of blocks: a stream of pods gets the same containers over and over. */
const emitted = new Map<string, string>();
const mostEmitted = 512;

/** `key: value` or, without a key, `- value`: a block at column 0 without a line break at its end. */
export function emitBlock(key: string | undefined, value: Value, style: Style): string {
  const id = JSON.stringify([key ?? null, value, style.indent, style.listIndent]);
  const known = emitted.get(id);
  if (known !== undefined) return known;
  const text = emitFresh(key, value, style);
  if (emitted.size >= mostEmitted) emitted.clear();
  emitted.set(id, text);
  return text;
}

function emitFresh(key: string | undefined, value: Value, style: Style): string {
  if (key !== undefined) return `${emitScalar(key)}:${emitAfterColon(value, style)}`;
  return isBlock(value)
    ? `- ${indentLines(emitItems(value, style), '  ')}`
    : `-${emitInline(value)}`;
}

/** What follows after the colon of a pair: ` x`, or a line break and lines; nothing for null. */
export function emitAfterColon(value: Value, style: Style): string {
  if (!isBlock(value)) return emitInline(value);
  const indent = ' '.repeat(isList(value) ? style.listIndent : style.indent);
  return indentLines(`\n${emitItems(value, style)}`, indent);
}

/**
 * `"key": value` or, without a key, `value` as JSON, which is also what YAML's flow style takes.
 * @param step if given, the text has line breaks and a level is indented by it.
 */
export function emitFlow(key: string | undefined, value: Value, step: string | undefined): string {
  const json = JSON.stringify(value, null, step);
  return key === undefined ? json : `${JSON.stringify(key)}: ${json}`;
}

/** Puts the same white space behind every line break. */
export function indentLines(text: string, prefix: string): string {
  return text.replaceAll('\n', `\n${prefix}`);
}

function emitItems(value: Value, style: Style): string {
  if (isList(value)) return value.map((item) => emitBlock(undefined, item, style)).join('\n');
  return Object.entries(isMap(value) ? value : {})
    .map(([key, item]) => emitBlock(key, item, style))
    .join('\n');
}

/** Whether the value takes its own lines. */
function isBlock(value: Value): boolean {
  return isList(value) ? value.length > 0 : isMap(value) && Object.keys(value).length > 0;
}

function emitInline(value: Value): string {
  return value === null ? '' : ` ${emitScalar(value)}`;
}

/** On one line: what follows a block scalar in the document could become part of it. */
function emitScalar(value: Value): string {
  return stringify(value, {
    lineWidth: 0,
    blockQuote: false,
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
    // Kubernetes reads YAML 1.1, where yes, on and 0440 are strings only if quoted.
    compat: 'yaml-1.1',
  }).trimEnd();
}
