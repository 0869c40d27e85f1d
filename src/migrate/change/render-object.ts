import { stringify } from 'yaml';
import type { TemplatePath } from '../../inject/kinds.ts';
import { editDocument } from '../../inject/manifest/edit-document.ts';
import { ManifestError } from '../../inject/manifest/manifest-error.ts';
import { parseDocument } from '../../inject/manifest/parse-document.ts';
import { readValue } from '../../inject/manifest/read-value.ts';
import { isEqual, isMap, type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import { findResources, type Resource } from '../../inject/workload.ts';
import type { Origin } from '../read/origin.ts';

/**
 * The object that an origin points at; undefined if it points at nothing.
 * @throws ManifestError if it cannot be read, which a plan without errors rules out.
 */
export function readOrigin(
  { chunk, path, frame }: Origin,
  templatePaths: readonly TemplatePath[],
): Resource | undefined {
  const value = readValue(chunk.text) ?? parseDocument(chunk).value;
  const [resource] = findResources(value, templatePaths, path, frame);
  if (resource === undefined || Object.hasOwn(resource.value, 'kind')) return resource;
  // An item of a List that names the kind of all its items.
  const { group, kind } = resource;
  const version = String(frame?.['apiVersion'] ?? group);
  return { ...resource, value: { apiVersion: version, kind, ...resource.value } };
}

/**
 * A YAML document with the wanted object. One that was its own document keeps its comments, order and quoting; an
 * item of a dump has none, and is written anew.
 */
export function renderObject(wanted: ValueMap, origin: Origin | undefined): string {
  const edited = origin === undefined ? undefined : editOrigin(wanted, origin);
  return edited ?? renderValue(wanted);
}

/** A YAML document, as Kubernetes reads it: YAML 1.1, in which `yes` and `0440` are not strings. */
export function renderValue(value: ValueMap): string {
  const text = stringify(value, { lineWidth: 0, compat: 'yaml-1.1' });
  // The parser of Kubernetes is another one than that of this library; JSON means the same to all.
  return isEqual(readValue(text), value) ? text : `${JSON.stringify(value, null, 2)}\n`;
}

function editOrigin(wanted: ValueMap, { chunk, path, frame }: Origin): string | undefined {
  if (path.length > 0 || frame !== undefined || /^\s*\{/.test(chunk.text)) return undefined;
  try {
    const value = readValue(chunk.text);
    const parsed = parseDocument(chunk, value);
    if (!isMap(valueAt(parsed.value, path))) return undefined;
    const text = editDocument(parsed, wanted)
      .replace(/^---[^\S\n]*\r?\n/, '')
      .replace(/\.\.\.\s*$/, '');
    return text.endsWith('\n') ? text : `${text}\n`;
  } catch (error) {
    // Anchors that are used twice, for example: their values are written out.
    if (error instanceof ManifestError) return undefined;
    throw error;
  }
}
