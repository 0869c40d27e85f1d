import { editDocument } from './manifest/edit-document.ts';
import { ManifestError } from './manifest/manifest-error.ts';
import { type ParsedDocument, parseDocument } from './manifest/parse-document.ts';
import { type Chunk, isBlank } from './manifest/split-documents.ts';
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
import type { FindServiceAccount } from './service-accounts.ts';
import type { Action } from './settings.ts';
import { findResources, type Resource } from './workload.ts';

/** What is to be done, and what has to be known beyond a document for that. */
export interface Context {
  readonly action: Action;
  readonly isSelected: (resource: Resource) => boolean;
  readonly findServiceAccount: FindServiceAccount;
}

/** A text after the filter, and what is to be said about each object in it. */
export interface Filtered {
  readonly text: string;
  readonly findings: readonly Finding[];
}

/** A document and the objects in it, or why it could not be read. */
export type ReadDocument =
  | {
      readonly chunk: Chunk;
      readonly parsed: ParsedDocument;
      readonly resources: readonly Resource[];
    }
  | { readonly chunk: Chunk; readonly finding: Finding };

export function readDocument(chunk: Chunk): ReadDocument {
  let parsed: ParsedDocument | undefined;
  try {
    parsed = parseDocument(chunk);
    const isEmpty = parsed.value === null && isBlank(chunk.text.replace(/^---/, ''));
    return { chunk, parsed, resources: isEmpty ? [] : findResources(parsed.value) };
  } catch (error) {
    return { chunk, finding: toFailure(error, { chunk, parsed }, undefined, []) };
  }
}

/** Changes the pods of a document: all that are to be changed, or, if one of them is at fault, none. */
export function filterDocument(document: ReadDocument, context: Context): Filtered {
  const { chunk } = document;
  if ('finding' in document) return { text: chunk.text, findings: [document.finding] };

  const { parsed, resources } = document;
  let wanted = parsed.value;
  const findings = resources.map((resource): Finding => {
    const place = { document: chunk.number, line: parsed.lineOf(resource.path) };
    const template = resource.template ?? [];
    try {
      const { outcome, pod } = changeResource(parsed, resource, context);
      if (outcome.kind === 'changed' && pod !== undefined) {
        wanted = withValueAt(wanted, template, pod.template);
      }
      return { place, subject: toSubject(resource), outcome, notes: pod?.notes ?? [] };
    } catch (error) {
      return toFailure(error, document, resource, template);
    }
  });

  if (findings.some(({ outcome }) => outcome.kind === 'failed')) {
    const why = 'another object of the same document is at fault';
    return {
      text: chunk.text,
      findings: findings.map((finding) => revoke(finding, unchanged(why))),
    };
  }
  try {
    return { text: editDocument(parsed, wanted), findings };
  } catch (error) {
    const { place, outcome } = toFailure(error, document, undefined, []);
    return {
      text: chunk.text,
      findings: findings.map((finding) =>
        finding.outcome.kind === 'changed' ? { ...revoke(finding, outcome), place } : finding,
      ),
    };
  }
}

interface ChangedResource {
  readonly outcome: Outcome;
  readonly pod?: ChangedPod;
}

/** @throws ManifestError whose path is relative to the pod or its template. */
function changeResource(
  { value }: ParsedDocument,
  resource: Resource,
  context: Context,
): ChangedResource {
  const { template, owner } = resource;
  if (template === undefined) return { outcome: unchanged('makes no pods') };
  if (owner !== undefined) return { outcome: unchanged(`made by ${owner}`) };
  if (!context.isSelected(resource)) return { outcome: unchanged('not selected') };

  const before = valueAt(value, template);
  if (!isMap(before)) throw new ManifestError('it has no pod template', { path: [] });
  const pod = changePod(before, resource, context);
  if (pod === undefined) return { outcome: unchanged('not injected by this program') };
  if (isEqual(before, pod.template)) return { outcome: unchanged('already injected'), pod };
  const injected = isInjected(before) ? 'updated' : 'injected';
  const what = context.action.kind === 'inject' ? injected : 'uninjected';
  return { outcome: { kind: 'changed', what }, pod };
}

function changePod(
  before: ValueMap,
  resource: Resource,
  { action, findServiceAccount }: Context,
): ChangedPod | undefined {
  if (action.kind === 'uninject') return uninjectPod(before);
  const name = specOf(before)['serviceAccountName'];
  const account = typeof name === 'string' ? findServiceAccount(resource, name) : undefined;
  return injectPod(before, action.settings, account);
}

/** A change that is not made after all. */
function revoke(finding: Finding, outcome: Outcome): Finding {
  return finding.outcome.kind === 'changed' ? { ...finding, outcome, notes: [] } : finding;
}

function unchanged(why: string): Outcome {
  return { kind: 'unchanged', why };
}

/** @param base to which the path in the error is relative. */
function toFailure(
  error: unknown,
  { chunk, parsed }: { readonly chunk: Chunk; readonly parsed: ParsedDocument | undefined },
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
