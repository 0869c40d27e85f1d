import type { TemplatePath } from '../../inject/kinds.ts';
import { editDocument } from '../../inject/manifest/edit-document.ts';
import { parseDocument } from '../../inject/manifest/parse-document.ts';
import { readValue } from '../../inject/manifest/read-value.ts';
import { type Chunk, splitDocuments } from '../../inject/manifest/split-documents.ts';
import { splitList } from '../../inject/manifest/split-list.ts';
import { type Path, type Value, type ValueMap, withValueAt } from '../../inject/manifest/value.ts';
import {
  findResources,
  type ListFrame,
  NotAnObject,
  type Resource,
} from '../../inject/workload.ts';
import { renderValue } from './render-object.ts';

/** An object as it should be; the one that is given, if nothing about it changes. */
export type ChangeObject = (resource: Resource) => ValueMap;

/**
 * A file with some of its objects changed. Everything else stays as it is, byte for byte.
 * @throws ManifestError if an object cannot be changed without changing something else.
 */
export function editFile(
  text: string,
  change: ChangeObject,
  templatePaths: readonly TemplatePath[],
): string {
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  const parts = [mark];
  for (const chunk of splitDocuments(text.slice(mark.length))) {
    const list = splitList(chunk);
    const pieces = list?.pieces ?? [{ ...chunk, base: [] }];
    for (const piece of pieces) {
      parts.push(
        typeof piece === 'string'
          ? piece
          : editPiece(piece, piece.base, list?.frame, change, templatePaths),
      );
    }
  }
  return parts.join('');
}

function editPiece(
  chunk: Chunk,
  base: Path,
  frame: ListFrame,
  change: ChangeObject,
  templatePaths: readonly TemplatePath[],
): string {
  const value = readValue(chunk.text) ?? parseDocument(chunk).value;
  let wanted: Value = value;
  for (const resource of findObjects(value, templatePaths, base, frame)) {
    const changed = change(resource);
    if (changed !== resource.value) wanted = withValueAt(wanted, resource.path, changed);
  }
  return wanted === value ? chunk.text : editDocument(parseDocument(chunk, value), wanted);
}

function findObjects(
  value: Value,
  templatePaths: readonly TemplatePath[],
  base: Path,
  frame: ListFrame,
): readonly Resource[] {
  try {
    return findResources(value, templatePaths, base, frame);
  } catch (error) {
    // The output of az, for example.
    if (error instanceof NotAnObject) return [];
    throw error;
  }
}

/** A file with one more object at its end, in the form of the others. */
export function appendObject(text: string, object: ValueMap): string {
  const isJson = /^\uFEFF?\s*\{/.test(text);
  const lineBreak = text.includes('\r\n') ? '\r\n' : '\n';
  const lead = text === '' || text.endsWith('\n') ? '' : '\n';
  const marker = isJson || /(?:^|\n)---\s*$/.test(text) || text.trim() === '' ? '' : '---\n';
  const added = isJson ? `${JSON.stringify(object, null, 2)}\n` : renderValue(object);
  return `${text}${`${lead}${marker}${added}`.replaceAll('\n', lineBreak)}`;
}
