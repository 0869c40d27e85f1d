import type { Resource } from './workload.ts';

/** What became of one object, for a line on standard error. */
export interface Finding {
  /** Where in the file; undefined if the whole input is meant. */
  readonly place: Place | undefined;
  /** Such as `Deployment web`; undefined if the document could not be read that far. */
  readonly subject: Subject | undefined;
  readonly outcome: Outcome;
  readonly notes: readonly string[];
}

export interface Place {
  readonly document: number;
  readonly line: number;
  readonly column: number;
}

export interface Subject {
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  /** Where the pod template is, if the object has several. */
  readonly template: string | undefined;
}

export type Outcome =
  | { readonly kind: 'changed'; readonly what: 'injected' | 'updated' | 'uninjected' }
  | { readonly kind: 'unchanged'; readonly why: string }
  /** It has pods that were left alone though they may need the proxy: a warning. */
  | { readonly kind: 'skipped'; readonly why: string }
  /** Not a Kubernetes object: listed on request only. */
  | { readonly kind: 'ignored'; readonly why: string }
  | { readonly kind: 'failed'; readonly error: string };

export function unchanged(why: string): Outcome {
  return { kind: 'unchanged', why };
}

export function skipped(why: string): Outcome {
  return { kind: 'skipped', why };
}

export function failed(error: string): Outcome {
  return { kind: 'failed', error };
}

export function toSubject({ kind, namespace, name }: Resource, template?: string): Subject {
  return { kind, namespace, name, template };
}

/** Something to be said about a whole file or the whole input. */
export function toFinding(outcome: Outcome): Finding {
  return { place: undefined, subject: undefined, outcome, notes: [] };
}

/** One line of `file:line: document n: object: outcome`, and one for each note. */
export function formatFinding(input: string, finding: Finding, isVerbose: boolean): string {
  const { place, subject, outcome, notes } = finding;
  if (outcome.kind === 'ignored' && !isVerbose) return '';
  const column = outcome.kind === 'failed' && place !== undefined ? `:${place.column}` : '';
  const where =
    place === undefined ? input : `${input}:${place.line}${column}: document ${place.document}`;
  const head = subject === undefined ? where : `${where}: ${formatSubject(subject)}`;
  return [formatOutcome(outcome), ...notes.map((note) => `note: ${note}`)]
    .map((text) => `${head}: ${text}\n`)
    .join('');
}

export function formatSubject({ kind, namespace, name, template }: Subject): string {
  const path = template === undefined ? '' : ` at ${template}`;
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}${path}`;
}

function formatOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'changed':
      return outcome.what;
    case 'unchanged':
      return `unchanged (${outcome.why})`;
    case 'skipped':
      return `warning: not injected: ${outcome.why}`;
    case 'ignored':
      return `ignored (${outcome.why})`;
    case 'failed':
      return `error: ${outcome.error}`;
  }
}

export type Counts = Readonly<Record<Outcome['kind'], number>>;

/** Counts outcomes as they come, so that a stream of any length can be summed up. */
export interface Tally {
  readonly counts: Counts;
  add(outcome: Outcome): void;
}

export function createTally(): Tally {
  const counts = { changed: 0, unchanged: 0, skipped: 0, ignored: 0, failed: 0 };
  return {
    counts,
    add({ kind }) {
      counts[kind] += 1;
    },
  };
}

/** The last line of the report. Counts that are rarely above 0 appear only then. */
export function formatCounts({ changed, unchanged, skipped, ignored, failed }: Counts): string {
  return [
    `${changed} changed`,
    `${unchanged} unchanged`,
    ...(skipped > 0 ? [`${skipped} skipped with a warning`] : []),
    ...(ignored > 0 ? [`${ignored} ignored`] : []),
    `${failed} failed\n`,
  ].join(', ');
}
