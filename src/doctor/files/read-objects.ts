import { findCutOff } from '../../inject/manifest/cut-off.ts';
import { ManifestError } from '../../inject/manifest/manifest-error.ts';
import { parseDocument } from '../../inject/manifest/parse-document.ts';
import { readValue } from '../../inject/manifest/read-value.ts';
import { type Chunk, isBlank, splitDocuments } from '../../inject/manifest/split-documents.ts';
import { splitList } from '../../inject/manifest/split-list.ts';
import type { Path, Value } from '../../inject/manifest/value.ts';
import {
  findResources,
  type ListFrame,
  NotAnObject,
  type Resource,
} from '../../inject/workload.ts';

/** A document that cannot be read, and why. */
export interface Unreadable {
  readonly line: number;
  readonly why: string;
  /** Read, but it is something other than a Kubernetes object. */
  readonly isOther: boolean;
}

/**
 * The objects of a text, one at a time: of a List, each item is read and forgotten before the next, and one that
 * is at fault leaves the others alone.
 * @param isWanted tells by the text of an object whether it need be read.
 */
export function* readObjects(
  text: string,
  isWanted: (text: string) => boolean = () => true,
): Generator<Resource | Unreadable> {
  for (const chunk of splitDocuments(text.replace(/^\uFEFF/, ''))) {
    const cutOff = findCutOff(chunk);
    if (cutOff !== undefined) {
      yield { line: cutOff.line, why: `${cutOff.message}; ${cutOff.fix}`, isOther: false };
    }
    const list = splitList(cutOff === undefined ? chunk : complete(chunk));
    if (list === undefined) {
      if (cutOff === undefined && isWanted(chunk.text)) yield* readChunk(chunk, [], undefined);
      continue;
    }
    // Half a pod would look like one without a proxy: the last item is left out, and the text behind it.
    for (const piece of cutOff === undefined ? list.pieces : list.pieces.slice(0, -2)) {
      if (typeof piece === 'string' || !isWanted(piece.text)) continue;
      yield* readChunk(piece, piece.base, list.frame);
    }
  }
}

/** A YAML List with the kind that was cut off, so that it can be taken apart. */
function complete(chunk: Chunk): Chunk {
  return { ...chunk, text: `${chunk.text.trimEnd()}\nkind: List\n` };
}

function* readChunk(chunk: Chunk, base: Path, frame: ListFrame): Generator<Resource | Unreadable> {
  if (isBlank(chunk.text.replace(/^---/, ''))) return;
  let resources: readonly Resource[];
  try {
    const value = readValue(chunk.text) ?? parseSlowly(chunk);
    resources = findResources(value, [], base, frame);
  } catch (error) {
    yield toUnreadable(error, chunk);
    return;
  }
  yield* resources;
}

/** With positions, the parser needs a hundred times the memory of the text. */
const MAX_SLOW_LENGTH = 512 * 1_024;

function parseSlowly(chunk: Chunk): Value {
  if (chunk.text.length <= MAX_SLOW_LENGTH) return parseDocument(chunk).value;
  const message =
    'not YAML or JSON that can be read, or a template; pass the output of kubectl get';
  throw new ManifestError(message, { line: chunk.line, column: 1 });
}

function toUnreadable(error: unknown, { line }: Chunk): Unreadable {
  if (error instanceof NotAnObject) return { line, why: error.message, isOther: true };
  if (!(error instanceof ManifestError)) throw error;
  return {
    line: 'line' in error.place ? error.place.line : line,
    why: error.message,
    isOther: false,
  };
}
