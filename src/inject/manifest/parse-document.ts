import {
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  visit,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { isBounded, MAX_DEPTH } from './bounded.ts';
import { lineEnd, lineStart } from './edits.ts';
import { ManifestError, templateError } from './manifest-error.ts';
import { parseYaml } from './parse-yaml.ts';
import { scanPlain } from './scan-plain.ts';
import { type Chunk, countLineBreaks, startOfContent } from './split-documents.ts';
import type { Path, Value } from './value.ts';

/** A place in a file; both numbers count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A document of which it is known where in its text everything stands. */
export interface ParsedDocument extends Chunk {
  /** null if the document is empty. */
  readonly root: Node | null;
  readonly value: Value;
  /** Where in the file an offset of the text is. */
  positionAt(offset: number): Position;
  /** Where in the file a part stands, or the part that would hold it if it is missing. */
  positionOf(path: Path): Position;
}

/**
 * @param known what `readValue` says that the text means, if it was asked. Plain texts need no parser then.
 * @throws ManifestError if the text is not one YAML or JSON document.
 */
export function parseDocument(chunk: Chunk, known?: Value): ParsedDocument {
  const plain = known === undefined ? undefined : scanPlain(chunk.text);
  return known === undefined || plain === undefined
    ? parseWithinBounds(chunk)
    : toParsed(chunk, plain, known, (offset) => {
        const column = offset - lineStart(chunk.text, offset) + 1;
        return { line: chunk.line + countLineBreaks(chunk.text.slice(0, offset)), column };
      });
}

function parseWithinBounds(chunk: Chunk): ParsedDocument {
  let parsed: ParsedDocument | undefined;
  try {
    parsed = parseAny(chunk);
  } catch (error) {
    // The parser is out of stack.
    if (!(error instanceof RangeError)) throw error;
  }
  if (parsed !== undefined && isBounded(parsed.value, chunk.text)) return parsed;
  throw new ManifestError(
    `it has more than ${MAX_DEPTH} levels, or aliases that make it much larger; write it flatter, or without aliases`,
    startOfContent(chunk),
  );
}

function parseAny(chunk: Chunk): ParsedDocument {
  const { document, error, lines } = parseYaml(chunk.text);
  const root: Node | null = document.contents;
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: chunk.line + line - 1, column: col };
  };

  // The library reports that its own stack is full as an error of the text.
  if (error?.message.includes('call stack')) throw new RangeError(error.message);
  if (error !== undefined) throw toManifestError(error, chunk.text, positionAt);
  const template = chunk.text.includes('{') ? findTemplate(root) : undefined;
  if (template !== undefined) throw templateError(positionAt(template));

  let value: Value;
  try {
    value = document.toJS();
  } catch (thrown) {
    // An alias without an anchor, or so many aliases of aliases that they can only be meant to harm.
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManifestError(
      `not YAML: ${message}; replace the alias by its value`,
      positionAt(root?.range?.[0] ?? 0),
    );
  }
  return toParsed(chunk, root, value, positionAt);
}

function toParsed(
  chunk: Chunk,
  root: Node | null,
  value: Value,
  positionAt: ParsedDocument['positionAt'],
): ParsedDocument {
  const { text, line, number } = chunk;
  const positionOf = (path: Path): Position => positionAt(offsetOf(root, path));
  return { text, line, number, root, value, positionAt, positionOf };
}

/** The key of a pair as it is in the value; undefined for `<<`. */
export function keyOf({ key }: Pair): string | undefined {
  if (!isScalar(key)) return '';
  return typeof key.value === 'symbol' ? undefined : String(key.value ?? '');
}

export function findPair(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => keyOf(pair) === key);
}

function offsetOf(root: Node | null, path: Path): number {
  let offset = startOf(root) ?? 0;
  let node: unknown = root;
  for (const step of path) {
    if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = startOf(node) ?? offset;
    } else if (isMap(node)) {
      const pair = findPair(node, String(step));
      offset = startOf(pair?.key) ?? offset;
      node = pair?.value;
    }
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function toManifestError(
  { code, message, pos }: YAMLError,
  text: string,
  positionAt: (offset: number) => Position,
): ManifestError {
  const [start] = pos;
  const place = positionAt(start);
  if (/\{[{%]/.test(text.slice(lineStart(text, start), lineEnd(text, start)))) {
    return templateError(place);
  }
  if (code === 'TAB_AS_INDENT') {
    return new ManifestError('a tab indents this line; indent it with spaces', place);
  }
  if (code === 'DUPLICATE_KEY') {
    const key = /^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s:,}]+)/.exec(text.slice(start))?.[0] ?? 'a key';
    return new ManifestError(
      `the key ${key} stands twice in the same map; remove one of them`,
      place,
    );
  }
  const reason = message.split('\n')[0] ?? message;
  return new ManifestError(`not YAML: ${reason}; correct this line, or the one before it`, place);
}

/** `{{ x }}` is YAML as well: a map whose only key is a map, which no Kubernetes object has. */
function findTemplate(root: Node | null): number | undefined {
  let found: number | undefined;
  visit(root, {
    Pair(_, { key }) {
      if (!isMap(key) && !isSeq(key)) return undefined;
      found = key.range?.[0];
      return visit.BREAK;
    },
  });
  return found;
}
