import type { TemplatePath } from './kinds.ts';
import { editDocument } from './manifest/edit-document.ts';
import { ManifestError, UnsupportedPod } from './manifest/manifest-error.ts';
import { type ParsedDocument, parseDocument } from './manifest/parse-document.ts';
import { readValue } from './manifest/read-value.ts';
import {
  type Chunk,
  countLineBreaks,
  isBlank,
  startOfContent,
} from './manifest/split-documents.ts';
import { splitList } from './manifest/split-list.ts';
import { isEqual, isMap, type Path, type Value, valueAt, withValueAt } from './manifest/value.ts';
import type { ObjectIndex } from './object-index.ts';
import { whyIncomplete } from './pod/check-whole.ts';
import { type ChangedPod, injectPod, uninjectPod } from './pod/inject-pod.ts';
import { isInjected } from './pod/record.ts';
import { readProxyRequest } from './proxy-request.ts';
import {
  type Finding,
  failed,
  type Outcome,
  type Place,
  skipped,
  toSubject,
  unchanged,
} from './report.ts';
import { isNamed, type Selection, whyNotSelected } from './select.ts';
import type { Action } from './settings.ts';
import { findResources, type ListFrame, NotAnObject, type Resource } from './workload.ts';

/** The task, and the knowledge beyond a document that it needs. */
export interface Context {
  readonly action: Action;
  readonly selection: Selection;
  readonly templatePaths: readonly TemplatePath[];
  readonly unknownKinds: 'warn' | 'inject' | 'fail';
  readonly onUnsupported: 'warn' | 'fail';
  /** A template that was not rendered fails a file that somebody named, and not a folder that it lies in. */
  readonly onTemplate: 'skip' | 'fail';
  readonly index: ObjectIndex;
  /** Called for each object, before its outcome is known. */
  readonly onResource: (resource: Resource) => void;
}

/** A part of a file before and after the filter, and the findings about the objects in it. */
export interface Piece {
  readonly before: string;
  readonly after: string;
  /** Line of the file on which it begins. */
  readonly line: number;
  readonly findings: readonly Finding[];
}

/**
 * Changes the pods of a document, object by object: one that is at fault stays as it is, and the others are
 * done all the same.
 * @returns the document in pieces, in order; a List comes item by item.
 */
export function* filterDocument(chunk: Chunk, context: Context): Generator<Piece> {
  const list = splitList(chunk);
  if (list === undefined) {
    yield filterObjects(chunk, [], undefined, context);
    return;
  }
  let { line } = chunk;
  for (const piece of list.pieces) {
    if (typeof piece === 'string') {
      yield { before: piece, after: piece, line, findings: [] };
      line += countLineBreaks(piece);
    } else {
      yield filterObjects(piece, piece.base, list.frame, context);
      line = piece.line + countLineBreaks(piece.text);
    }
  }
}

/** What a document holds, without any positions; undefined where only the slower reader can tell. */
export function readObjects(
  chunk: Chunk,
  base: Path,
  frame: ListFrame,
  templatePaths: readonly TemplatePath[],
): readonly Resource[] | undefined {
  const value = readValue(chunk.text);
  return value === undefined ? undefined : toObjects(chunk, value, base, frame, templatePaths);
}

function toObjects(
  { text }: Chunk,
  value: Value,
  base: Path,
  frame: ListFrame,
  templatePaths: readonly TemplatePath[],
): readonly Resource[] {
  return value === null && isBlank(text.replace(/^---/, ''))
    ? []
    : findResources(value, templatePaths, base, frame);
}

function filterObjects(chunk: Chunk, base: Path, frame: ListFrame, context: Context): Piece {
  const same = { before: chunk.text, after: chunk.text, line: chunk.line };
  try {
    const value = readValue(chunk.text);
    const resources =
      value === undefined ? undefined : toObjects(chunk, value, base, frame, context.templatePaths);
    const verdicts = resources?.flatMap((resource) => judge(resource, context));
    const isSure = resources?.every(({ path }) => path.length === base.length) === true;
    if (verdicts?.every(({ outcome }) => outcome !== undefined) === true && isSure) {
      for (const resource of resources ?? []) context.onResource(resource);
      const place = { document: chunk.number, ...startOfContent(chunk) };
      return { ...same, findings: verdicts.map((verdict) => toFinding(verdict, place)) };
    }
    return changeObjects(chunk, value, base, frame, context);
  } catch (error) {
    const outcome = toOutcome(error, chunk, context);
    const position =
      error instanceof ManifestError && 'line' in error.place ? error.place : startOfContent(chunk);
    const place = { document: chunk.number, line: position.line, column: position.column };
    return { ...same, findings: [{ place, subject: undefined, outcome, notes: [] }] };
  }
}

/** One pod template of an object, or the object if it has none; without an outcome it will be changed. */
interface Verdict {
  readonly resource: Resource;
  readonly template: Path | undefined;
  /** To tell several templates of one object apart. */
  readonly label: string | undefined;
  readonly outcome: Outcome | undefined;
}

function judge(resource: Resource, context: Context): readonly Verdict[] {
  const { pods, owner, path } = resource;
  const { action, selection, unknownKinds } = context;
  const isWanted = selection.only?.some((pattern) => isNamed(pattern, resource)) ?? false;
  const warn = (why: string): Outcome =>
    isWanted ? failed(`--only names it, but ${why}`) : skipped(why);
  const whole = (outcome: Outcome): readonly Verdict[] => [
    { resource, template: undefined, label: undefined, outcome },
  ];

  if (pods.kind === 'none')
    return whole(isWanted ? warn('it makes no pods') : unchanged('makes no pods'));
  if (owner !== undefined) return whole(unchanged(`made by ${owner}`));
  const isUninject = action.kind === 'uninject';
  switch (pods.kind) {
    case 'elsewhere':
    case 'incomplete': {
      if (isUninject) return whole(unchanged('not injected by this program'));
      const why = whyNotSelected(resource, {}, selection);
      return whole(why === undefined ? warn(pods.why) : unchanged(why));
    }
    case 'templates':
    case 'shapes': {
      const templates =
        pods.kind === 'templates'
          ? pods.paths.map((template) => ({ template, isTemplate: true }))
          : pods.shapes.map((shape) => ({
              template: [...path, ...shape.path],
              isTemplate: shape.isTemplate,
            }));
      const isSole = templates.length === 1 && pods.kind === 'templates';
      return templates.map(({ template, isTemplate }) => {
        const relative = template.slice(path.length);
        const label = isSole ? undefined : relative.join('.');
        const value = valueAt(resource.value, relative) ?? null;
        const outcome = (): Outcome | undefined => {
          const why = whyNotSelected(resource, value, selection);
          if (why !== undefined) return unchanged(why);
          if (isUninject) {
            return isMap(value) && isInjected(value)
              ? undefined
              : unchanged('not injected by this program');
          }
          if (pods.kind === 'shapes' && (unknownKinds !== 'inject' || !isTemplate)) {
            return ofUnknownKind(resource, label ?? '', isTemplate, unknownKinds, warn);
          }
          const part = whyIncomplete(value);
          if (part !== undefined) return warn(part);
          return selection.ignoreOptOut ? undefined : judgeRequest(value);
        };
        return { resource, template, label, outcome: outcome() };
      });
    }
  }
}

/** What becomes of a pod that does not want the proxy, or says neither yes nor no. */
function judgeRequest(template: Value): Outcome | undefined {
  const request = readProxyRequest(template);
  switch (request.kind) {
    case 'wanted':
    case 'unstated':
      return undefined;
    case 'refused':
      return unchanged(`opted out by ${request.by}`);
    case 'unclear':
      return failed(request.fault);
  }
}

function ofUnknownKind(
  { group, kind }: Resource,
  label: string,
  isTemplate: boolean,
  mode: Context['unknownKinds'],
  warn: (why: string) => Outcome,
): Outcome {
  const name = group === '' ? kind : `${group}/${kind}`;
  const why = isTemplate
    ? `the kind ${name} is not known, but it has a pod template at ${label}; pass --template-path=${name}=${label}, or --unknown-kinds=inject`
    : `the kind ${name} is not known, and the containers at ${label} are not a pod template; use the webhook or an admission policy, which change pods when they are created`;
  return mode === 'fail' ? failed(why) : warn(why);
}

function changeObjects(
  chunk: Chunk,
  known: Value | undefined,
  base: Path,
  frame: ListFrame,
  context: Context,
): Piece {
  const parsed = parseDocument(chunk, known);
  let resources: readonly Resource[];
  try {
    resources = toObjects(chunk, parsed.value, base, frame, context.templatePaths);
  } catch (error) {
    if (!(error instanceof ManifestError) || !('path' in error.place)) throw error;
    const { message, place, isTemplate } = error;
    throw new ManifestError(message, parsed.positionOf(place.path), isTemplate);
  }
  const changes = resources.flatMap((resource) => {
    context.onResource(resource);
    return judge(resource, context).map((verdict) => change(parsed, verdict, context));
  });
  const { text, failures } = edit(parsed, changes);
  return {
    before: chunk.text,
    after: text,
    line: chunk.line,
    findings: changes.map(({ finding }, index) => failures.get(index) ?? finding),
  };
}

interface Change {
  readonly finding: Finding;
  /** The place that changes, and its new value. */
  readonly template?: Path;
  readonly wanted?: Value;
}

function change(parsed: ParsedDocument, verdict: Verdict, context: Context): Change {
  const { resource, template = [] } = verdict;
  const place = { document: parsed.number, ...parsed.positionOf(resource.path) };
  if (verdict.outcome !== undefined) return { finding: toFinding(verdict, place) };
  try {
    const before = valueAt(parsed.value, template);
    if (!isMap(before)) throw new ManifestError('it has no pod template', { path: [] });
    const pod = changePod(before, verdict, context);
    const notes = [...pod.notes];
    if (resource.pods.kind === 'templates' && resource.pods.note !== undefined)
      notes.push(resource.pods.note);
    const isSame = isEqual(before, pod.template);
    const again = isInjected(before) ? 'updated' : 'injected';
    const outcome: Outcome = isSame
      ? unchanged('already injected')
      : { kind: 'changed', what: context.action.kind === 'inject' ? again : 'uninjected' };
    const finding = { ...toFinding({ ...verdict, outcome }, place), notes };
    return isSame ? { finding } : { finding, template, wanted: pod.template };
  } catch (error) {
    return { finding: toFailure(error, parsed, verdict, context) };
  }
}

function changePod(
  before: Parameters<typeof injectPod>[0],
  verdict: Verdict,
  context: Context,
): ChangedPod {
  const { action, index } = context;
  const { resource, label } = verdict;
  if (action.kind === 'uninject') {
    return uninjectPod(before) ?? { template: before, notes: [] };
  }
  const { kind, name, namespace } = resource;
  return injectPod(before, action.settings, {
    account: index.findServiceAccount(resource, before),
    podSecurity: index.findPodSecurity(namespace),
    workload: { kind, name, namespace, template: label },
    isHook: valueAt(resource.value, ['metadata', 'annotations', 'helm.sh/hook']) !== undefined,
  });
}

/** Makes all changes at once; if that cannot be done, one by one, so that only the culprit is left out. */
function edit(
  parsed: ParsedDocument,
  changes: readonly Change[],
): { readonly text: string; readonly failures: ReadonlyMap<number, Finding> } {
  const failures = new Map<number, Finding>();
  const made = [...changes.entries()].filter(([, { wanted }]) => wanted !== undefined);
  const apply = (value: Value, { template = [], wanted = null }: Change): Value =>
    withValueAt(value, template, wanted);
  try {
    const wanted = made.reduce((value, [, one]) => apply(value, one), parsed.value);
    return { text: editDocument(parsed, wanted), failures };
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
  }
  let current = parsed;
  for (const [index, one] of made) {
    try {
      const text = editDocument(current, apply(current.value, one));
      current = parseDocument({ ...current, text });
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      const place = 'line' in error.place ? error.place : parsed.positionOf([]);
      failures.set(index, {
        ...one.finding,
        place: { document: parsed.number, line: place.line, column: place.column },
        outcome: failed(error.message),
        notes: [],
      });
    }
  }
  return { text: current.text, failures };
}

function toFinding({ resource, label, outcome }: Verdict, place: Place): Finding {
  const subject = toSubject(resource, label);
  return { place, subject, outcome: outcome ?? unchanged('nothing to do'), notes: [] };
}

function toFailure(
  error: unknown,
  parsed: ParsedDocument,
  { resource, template = [], label }: Verdict,
  context: Context,
): Finding {
  if (!(error instanceof ManifestError)) throw error;
  const { place, message } = error;
  const position = 'line' in place ? place : parsed.positionOf([...template, ...place.path]);
  const isWanted = context.selection.only?.some((pattern) => isNamed(pattern, resource)) ?? false;
  const isWarning =
    error instanceof UnsupportedPod && context.onUnsupported === 'warn' && !isWanted;
  return {
    place: { document: parsed.number, line: position.line, column: position.column },
    subject: toSubject(resource, label),
    outcome: isWarning ? skipped(message) : failed(message),
    notes: [],
  };
}

/** What becomes of a document that could not be read. */
function toOutcome(error: unknown, { text }: Chunk, { onTemplate }: Context): Outcome {
  if (error instanceof NotAnObject) {
    const [shape] = error.shapes;
    if (shape === undefined) return { kind: 'ignored', why: error.message };
    const where = shape.path.join('.') || 'its top';
    return skipped(`${error.message}, but something at ${where} looks like a pod`);
  }
  if (!(error instanceof ManifestError)) throw error;
  // Whoever has no containers has no pods.
  if (!/ontainers/.test(text)) return skipped(`${error.message} (it names no containers)`);
  return error.isTemplate && onTemplate === 'skip' ? skipped(error.message) : failed(error.message);
}
