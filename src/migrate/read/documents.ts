import type { TemplatePath } from '../../inject/kinds.ts';
import { findCutOff } from '../../inject/manifest/cut-off.ts';
import { ManifestError } from '../../inject/manifest/manifest-error.ts';
import { type ParsedDocument, parseDocument } from '../../inject/manifest/parse-document.ts';
import { readValue } from '../../inject/manifest/read-value.ts';
import {
  type Chunk,
  isBlank,
  splitDocuments,
  startOfContent,
} from '../../inject/manifest/split-documents.ts';
import { type ListItem, splitList } from '../../inject/manifest/split-list.ts';
import { isList, isMap, type Path, type Value, valueAt } from '../../inject/manifest/value.ts';
import {
  findResources,
  type ListFrame,
  NotAnObject,
  type Resource,
} from '../../inject/workload.ts';
import type { Origin } from './origin.ts';

/** A file of the input, or standard input. */
export interface InputText {
  readonly name: string;
  readonly text: string;
  readonly isFromFolder: boolean;
}

/** What a file holds, in its order. */
export type Content =
  | { readonly kind: 'object'; readonly resource: Resource; readonly origin: Origin }
  /** A document without apiVersion and kind, such as the output of az. */
  | { readonly kind: 'value'; readonly value: Value; readonly origin: Origin }
  | { readonly kind: 'fault'; readonly fault: Fault };

export interface Fault {
  readonly code: 'unreadable' | 'truncated' | 'not-rendered';
  readonly line: number;
  readonly message: string;
  readonly fix: string;
}

/**
 * Reads a file one document, and one item of a List, at a time: the values of one are garbage when the next one
 * comes. Nothing of it is skipped in silence.
 */
export function* readContents(
  { name, text, isFromFolder }: InputText,
  templatePaths: readonly TemplatePath[],
): Generator<Content> {
  for (const chunk of splitDocuments(text.replace(/^\uFEFF/, ''))) {
    const cutOff = findCutOff(chunk);
    if (cutOff !== undefined) {
      yield { kind: 'fault', fault: { code: 'truncated', ...cutOff } };
      continue;
    }
    yield* readChunk(name, { ...chunk, base: [] }, undefined, templatePaths, isFromFolder);
  }
}

/** A document item by item if it is a List. JSON Lists may be in Lists; in YAML the parser takes inner ones apart. */
function* readChunk(
  name: string,
  chunk: ListItem,
  frame: ListFrame,
  templatePaths: readonly TemplatePath[],
  isFromFolder: boolean,
): Generator<Content> {
  const list = chunk.base.length === 0 ? splitList(chunk) : undefined;
  if (list === undefined) {
    yield* readPart(name, chunk, chunk.base, frame, templatePaths, isFromFolder);
    return;
  }
  for (const piece of list.pieces) {
    if (typeof piece === 'string') continue;
    yield* readChunk(name, piece, list.frame, templatePaths, isFromFolder);
  }
}

function* readPart(
  file: string,
  chunk: Chunk,
  base: Path,
  frame: ListFrame,
  templatePaths: readonly TemplatePath[],
  isFromFolder: boolean,
): Generator<Content> {
  const toOrigin = (path: Path, line: number): Origin => ({ file, line, chunk, path, frame });
  const { line } = startOfContent(chunk);
  try {
    const value = readValue(chunk.text) ?? parseDocument(chunk).value;
    if (value === null && isBlank(chunk.text.replace(/^---/, ''))) return;
    const lineOf = createLineFinder(chunk, value);
    let resources: readonly Resource[];
    try {
      resources = findResources(value, templatePaths, base, frame);
    } catch (error) {
      if (!(error instanceof NotAnObject)) throw error;
      if (error.path.length > base.length || frame !== undefined) {
        const message = 'an item of a List is not a Kubernetes object: it lacks apiVersion or kind';
        const at = lineOf(error.path);
        yield { kind: 'fault', fault: { ...unreadable(message, at), fix: 'make the dump again' } };
      } else {
        yield { kind: 'value', value, origin: toOrigin(base, line) };
      }
      return;
    }
    for (const resource of resources) {
      const { path } = resource;
      const at = path.length === base.length ? line : lineOf(path);
      yield { kind: 'object', resource, origin: toOrigin(path, at) };
    }
  } catch (error) {
    yield { kind: 'fault', fault: toFault(error, chunk, line, isFromFolder) };
  }
}

/** Texts up to this size are parsed again for the lines of their objects. */
const longestParsed = 2_097_152;

/** Finds lines in a chunk that holds several objects. Of a very long one it is the first line. */
function createLineFinder(chunk: Chunk, value: Value): (path: Path) => number {
  let parsed: ParsedDocument | undefined;
  return (path) => {
    if (chunk.text.length > longestParsed) return startOfContent(chunk).line;
    parsed ??= parseDocument(chunk, value);
    return parsed.positionOf(path).line;
  };
}

function toFault(error: unknown, chunk: Chunk, line: number, isFromFolder: boolean): Fault {
  if (!(error instanceof ManifestError)) throw error;
  const place =
    'line' in error.place ? error.place.line : lineOfPlace(error.place.path, chunk, line);
  const [message = '', ...fixes] = error.message.split('; ');
  const fix = fixes.join('; ') || 'correct it';
  // A chart in a folder of manifests is usual; a file that somebody named is meant.
  if (error.isTemplate && isFromFolder) return { code: 'not-rendered', line: place, message, fix };
  return { ...unreadable(message, place), fix };
}

function lineOfPlace(path: Path, chunk: Chunk, line: number): number {
  try {
    return parseDocument(chunk).positionOf(path).line;
  } catch {
    return line;
  }
}

function unreadable(message: string, line: number): Omit<Fault, 'fix'> {
  return { code: 'unreadable', line, message };
}

/** The items of a value that may be a list or one item. */
export function toItems(value: Value | undefined): readonly Value[] {
  if (isList(value)) return value;
  return value === undefined || value === null ? [] : [value];
}

/** A text at a path; numbers count as their text. */
export function textAt(value: Value | undefined, path: Path): string | undefined {
  const found = valueAt(value, path);
  if (typeof found === 'string') return found;
  return typeof found === 'number' || typeof found === 'boolean' ? String(found) : undefined;
}

/** A map with texts as values; numbers and booleans count as their text, and other values are left out. */
export function textsAt(value: Value | undefined, path: Path): Readonly<Record<string, string>> {
  const found = valueAt(value, path);
  if (!isMap(found)) return {};
  const entries = Object.keys(found).flatMap((key) => {
    const text = textAt(found, [key]);
    return text === undefined ? [] : [[key, text] as const];
  });
  return Object.fromEntries(entries);
}
