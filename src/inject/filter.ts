import { editDocument } from './manifest/edit-document.ts';
import { ManifestError } from './manifest/manifest-error.ts';
import { type ParsedDocument, parseDocument } from './manifest/parse-document.ts';
import { type Chunk, isBlank, splitDocuments } from './manifest/split-documents.ts';
import {
  isEqual,
  isMap,
  type Path,
  type ValueMap,
  valueAt,
  withValueAt,
} from './manifest/value.ts';
import { type ChangedPod, injectPod, uninjectPod } from './pod/inject-pod.ts';
import { isInjected } from './pod/record.ts';
import { specOf } from './pod/shape.ts';
import { type Finding, type Outcome, toSubject } from './report.ts';
import { type FindServiceAccount, indexServiceAccounts } from './service-accounts.ts';
import type { InjectSettings } from './settings.ts';
import { findResources, type Resource } from './workload.ts';

export type Action =
  | { readonly kind: 'inject'; readonly settings: InjectSettings }
  | { readonly kind: 'uninject' };

/** A file after the filter: its text, and what is to be said about each object in it. */
export interface Filtered {
  readonly text: string;
  readonly findings: readonly Finding[];
}

/**
 * Injects the pods of all documents of some files, or undoes that. A document that is at fault stays as it
 * is and the others are done all the same. Files are taken together because a workload and its
 * ServiceAccount may be in different ones.
 */
export function filterManifests(files: readonly string[], action: Action): readonly Filtered[] {
  const read = files.map((file) => splitDocuments(file).map(readDocument));
  const resources = read
    .flat()
    .flatMap((document) => ('resources' in document ? document.resources : []));
  const findServiceAccount = indexServiceAccounts(resources);
  return read.map((documents) => {
    const filtered = documents.map((document) =>
      filterDocument(document, action, findServiceAccount),
    );
    return {
      text: filtered.map(({ text }) => text).join(''),
      findings: filtered.flatMap(({ findings }) => findings),
    };
  });
}

type ReadDocument =
  | {
      readonly chunk: Chunk;
      readonly parsed: ParsedDocument;
      readonly resources: readonly Resource[];
    }
  | { readonly chunk: Chunk; readonly finding: Finding };

function readDocument(chunk: Chunk): ReadDocument {
  let parsed: ParsedDocument | undefined;
  try {
    parsed = parseDocument(chunk);
    const isEmpty = parsed.value === null && isBlank(chunk.text.replace(/^---/, ''));
    return { chunk, parsed, resources: isEmpty ? [] : findResources(parsed.value) };
  } catch (error) {
    return { chunk, finding: toFailure(error, chunk, parsed, undefined, []) };
  }
}

function filterDocument(
  document: ReadDocument,
  action: Action,
  findServiceAccount: FindServiceAccount,
): Filtered {
  const { chunk } = document;
  if ('finding' in document) return { text: chunk.text, findings: [document.finding] };

  const { parsed, resources } = document;
  const found = (resource: Resource, outcome: Outcome, notes: readonly string[] = []): Finding => ({
    place: { document: chunk.number, line: parsed.lineOf(resource.path) },
    subject: toSubject(resource),
    outcome,
    notes,
  });
  let wanted = parsed.value;
  const findings = resources.map((resource) => {
    if (resource.template === undefined) return found(resource, unchanged('makes no pods'));
    if (resource.owner !== undefined)
      return found(resource, unchanged(`made by ${resource.owner}`));
    try {
      const before = valueAt(parsed.value, resource.template);
      if (!isMap(before)) throw new ManifestError('it has no pod template', { path: [] });
      const after = changePod(before, resource, action, findServiceAccount);
      if (after === undefined) return found(resource, unchanged('not injected by this program'));
      if (isEqual(before, after.template))
        return found(resource, unchanged('already injected'), after.notes);
      wanted = withValueAt(wanted, resource.template, after.template);
      const injected = isInjected(before) ? 'updated' : 'injected';
      const what = action.kind === 'inject' ? injected : 'uninjected';
      return found(resource, { kind: 'changed', what }, after.notes);
    } catch (error) {
      return toFailure(error, chunk, parsed, resource, resource.template);
    }
  });

  const isBroken = findings.some(({ outcome }) => outcome.kind === 'failed');
  try {
    if (!isBroken) return { text: editDocument(parsed, wanted), findings };
  } catch (error) {
    const fail = (finding: Finding, index: number): Finding =>
      finding.outcome.kind === 'changed'
        ? toFailure(error, chunk, parsed, resources[index], [])
        : finding;
    return { text: chunk.text, findings: findings.map(fail) };
  }
  const because = unchanged('another object of the same document is at fault');
  return {
    text: chunk.text,
    findings: findings.map((finding) =>
      finding.outcome.kind === 'changed' ? { ...finding, outcome: because, notes: [] } : finding,
    ),
  };
}

function changePod(
  pod: ValueMap,
  resource: Resource,
  action: Action,
  findServiceAccount: FindServiceAccount,
): ChangedPod | undefined {
  if (action.kind === 'uninject') return uninjectPod(pod);
  const name = specOf(pod)['serviceAccountName'];
  const account = typeof name === 'string' ? findServiceAccount(resource, name) : undefined;
  return injectPod(pod, action.settings, account);
}

function unchanged(why: string): Outcome {
  return { kind: 'unchanged', why };
}

/** @param base to which the path in the error is relative. */
function toFailure(
  error: unknown,
  chunk: Chunk,
  parsed: ParsedDocument | undefined,
  resource: Resource | undefined,
  base: Path,
): Finding {
  if (!(error instanceof ManifestError)) throw error;
  const { place, message } = error;
  const line =
    'line' in place ? place.line : (parsed?.lineOf([...base, ...place.path]) ?? chunk.line);
  return {
    place: { document: chunk.number, line },
    subject: resource && toSubject(resource),
    outcome: { kind: 'failed', error: message },
    notes: [],
  };
}
