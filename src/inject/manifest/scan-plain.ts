import { type CST, type Node, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml';

/** Longer keys and deeper documents are left to the parser, which has limits and messages for them. */
const longestKey = 200;
const deepest = 100;

/** The content of a line: behind its indentation, and behind its dash if it has one. */
interface Line {
  /** Of the dash, or of the content without a dash. */
  indent: number;
  /** Offset of the dash; undefined without one. */
  dash: number | undefined;
  /** Column and offset of the content. */
  readonly column: number;
  readonly start: number;
  readonly key: string | undefined;
  /** Offset behind the colon. */
  readonly afterColon: number;
  /** The text behind the key, or the whole content without a key. */
  readonly rest: string;
  readonly restStart: number;
}

/** Thrown and caught in this file: the text has a form that only the parser can place. */
const notPlain = new Error('not plain');

/**
 * Finds where everything stands in the YAML that serialisers and most people write: block maps and lists,
 * and scalars on one line. It takes a small part of the time that the parser of parse-yaml.ts takes, and gives the
 * same nodes, ranges and tokens wherever this program looks at them.
 * @param text that `readValue` could read; whether it is valid is not checked again.
 * @returns undefined for a text with any other form in it: flow style, block scalars, anchors, tags, comments
 * behind values, unusual numbers, or anything but ASCII. Scalars do not carry their value.
 */
export function scanPlain(text: string): Node | undefined {
  if (!/^[\n\x20-\x7e]*$/.test(text)) return undefined;
  const lines = createLineReader(text);
  try {
    const root = readBlock(lines, 0);
    return lines.line === undefined ? root : undefined;
  } catch (error) {
    if (error === notPlain) return undefined;
    throw error;
  }
}

interface LineReader {
  /** The current line; undefined at the end. */
  line: Line | undefined;
  advance(): void;
}

function createLineReader(text: string): LineReader {
  const blank = / *(?:#[^\n]*)?\n/y;
  const content = /( *)(- +)?(?:([A-Za-z][\w./-]*):(?: +|(?=\n|$)))?([^\n]*)(?:\n|$)/y;
  let at = /^---\n/.test(text) ? 4 : 0;
  const reader: LineReader = {
    line: undefined,
    advance() {
      for (blank.lastIndex = at; blank.test(text); at = blank.lastIndex);
      if (at >= text.length) {
        reader.line = undefined;
        return;
      }
      content.lastIndex = at;
      const [all = '', space = '', dashes = '', key, rest = ''] = content.exec(text) ?? [];
      if (all === '') throw notPlain;
      const dash = dashes === '' ? undefined : at + space.length;
      const column = space.length + dashes.length;
      const start = at + column;
      const afterColon = start + (key?.length ?? 0) + 1;
      const end = at + all.length - (all.endsWith('\n') ? 1 : 0);
      reader.line = {
        indent: space.length,
        dash,
        column,
        start,
        key,
        afterColon,
        rest,
        restStart: end - rest.length,
      };
      at += all.length;
    },
  };
  reader.advance();
  return reader;
}

function readBlock(lines: LineReader, depth: number): Node {
  if (lines.line === undefined || depth > deepest) throw notPlain;
  return lines.line.dash === undefined ? readMap(lines, depth) : readList(lines, depth);
}

function readMap(lines: LineReader, depth: number): YAMLMap {
  const map = new YAMLMap();
  const { column = 0, start = 0 } = lines.line ?? {};
  let end = start;
  for (
    let { line } = lines;
    line?.dash === undefined && line?.column === column;
    { line } = lines
  ) {
    if (line.key === undefined) throw notPlain;
    const key = toKey(line.key, line.start);
    const pair = new Pair<unknown, unknown>(key, readPairValue(lines, line, depth));
    const sep: CST.SourceToken = {
      type: 'map-value-ind',
      offset: line.afterColon - 1,
      indent: column,
      source: ':',
    };
    pair.srcToken = { start: [], sep: [sep] };
    map.items.push(pair);
    end = line.afterColon;
  }
  map.range = [start, end, end];
  return map;
}

function readPairValue(lines: LineReader, line: Line, depth: number): Node {
  lines.advance();
  if (line.rest !== '') return toScalar(line);
  const below = lines.line;
  const isBelow =
    below !== undefined &&
    (below.indent > line.column || (below.indent === line.column && below.dash !== undefined));
  return isBelow ? readBlock(lines, depth + 1) : placed(new Scalar(null), line.afterColon, 0);
}

function readList(lines: LineReader, depth: number): YAMLSeq {
  const list = new YAMLSeq();
  const { indent = 0, dash: start = 0 } = lines.line ?? {};
  const items: CST.BlockSequence['items'] = [];
  for (let { line } = lines; line?.dash !== undefined && line.indent === indent; { line } = lines) {
    const { dash } = line;
    items.push({ start: [{ type: 'seq-item-ind', offset: dash, indent, source: '-' }] });
    if (line.key === undefined) {
      list.items.push(toScalar(line));
      lines.advance();
    } else {
      // Behind its dash the item is a map like any other.
      line.dash = undefined;
      line.indent = line.column;
      list.items.push(readBlock(lines, depth + 1));
    }
  }
  list.srcToken = { type: 'block-seq', offset: start, indent, items };
  // As of a map, only the start counts, and that it is not empty.
  list.range = [start, start + 1, start + 1];
  return list;
}

function toKey(key: string, start: number): Scalar {
  // Words that are not strings are keys with another name.
  if (key.length > longestKey || /^(?:true|false|null)$/i.test(key)) throw notPlain;
  return placed(new Scalar(key), start, key.length);
}

const plainText = /^(?:[\w/.$(+]|-(?! ))(?:[^:# ]|:(?! |$)|(?<! )#| (?!$))*$/;
const quotedText = /^(?:"(?:[^"\\]|\\["\\nt])*"|'(?:[^']|'')*')$/;
const plainNumber = /^-?(?:0|[1-9]\d{0,14})$/;
/** Whatever either parser may read as something other than a string. */
const unusual = /^(?:[-+]?[.\d][\da-fox+._:-]*|[-+]?\.(?:inf|nan))$|^(?:true|false|null)$|^-+$/i;
const word = /^(?:true|false|null)$/;

function toScalar({ rest, restStart }: Line): Node {
  if (rest === '{}' || rest === '[]') {
    const empty = rest === '{}' ? new YAMLMap() : new YAMLSeq();
    empty.flow = true;
    return placed(empty, restStart, 2);
  }
  const isSure = plainText.test(rest)
    ? !unusual.test(rest) || plainNumber.test(rest) || word.test(rest)
    : quotedText.test(rest);
  if (!isSure) throw notPlain;
  return placed(new Scalar(undefined), restStart, rest.length);
}

function placed<T extends Scalar | YAMLMap | YAMLSeq>(node: T, start: number, length: number): T {
  node.range = [start, start + length, start + length];
  return node;
}
