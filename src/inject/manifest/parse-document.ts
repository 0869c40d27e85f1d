import {
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument as parseYaml,
  visit,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { lineEnd, lineStart } from './edits.ts';
import { ManifestError, templateError } from './manifest-error.ts';
import type { Chunk } from './split-documents.ts';
import type { Path, Value } from './value.ts';

/** A document of which it is known where in its text everything stands. */
export interface ParsedDocument extends Chunk {
  /** null if the document is empty. */
  readonly root: Node | null;
  readonly value: Value;
  /** Line of the file that holds an offset of the text. */
  lineAt(offset: number): number;
  /** Line of the file on which a part stands, or the part that would hold it if there is none. */
  lineOf(path: Path): number;
}

/** @throws ManifestError if the text is not one YAML document. */
export function parseDocument(chunk: Chunk): ParsedDocument {
  const lines = new LineCounter();
  const document = parseYaml(chunk.text, {
    lineCounter: lines,
    keepSourceTokens: true,
    // Kubernetes reads YAML 1.1, where `<<` merges.
    merge: true,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const root: Node | null = document.contents;
  const lineAt = (offset: number): number => chunk.line + lines.linePos(offset).line - 1;

  const [error] = document.errors;
  if (error !== undefined) throw toManifestError(error, chunk.text, lineAt);
  const template = findTemplate(root);
  if (template !== undefined) throw templateError({ line: lineAt(template) });

  let value: Value;
  try {
    value = document.toJS();
  } catch (thrown) {
    // An alias without an anchor, or so many aliases of aliases that they can only be meant to harm.
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManifestError(`not YAML: ${message}`, { line: lineAt(root?.range?.[0] ?? 0) });
  }
  return { ...chunk, root, value, lineAt, lineOf: (path) => lineAt(offsetOf(root, path)) };
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
  lineAt: (offset: number) => number,
): ManifestError {
  const line = lineAt(pos[0]);
  if (/\{[{%]/.test(text.slice(lineStart(text, pos[0]), lineEnd(text, pos[0])))) {
    return templateError({ line });
  }
  if (code === 'TAB_AS_INDENT') {
    return new ManifestError('a tab indents this line; use spaces, YAML knows nothing else', {
      line,
    });
  }
  return new ManifestError(`not YAML: ${message.split('\n')[0]}`, { line });
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
