import type { Resource } from './workload.ts';

/** What became of one object, for a line on standard error. */
export interface Finding {
  /** Document and line; undefined if the whole input is meant. */
  readonly place: { readonly document: number; readonly line: number } | undefined;
  /** Such as `Deployment web`; undefined if the document could not be read that far. */
  readonly subject: string | undefined;
  readonly outcome: Outcome;
  readonly notes: readonly string[];
}

export type Outcome =
  | { readonly kind: 'changed'; readonly what: 'injected' | 'updated' | 'uninjected' }
  | { readonly kind: 'unchanged'; readonly why: string }
  | { readonly kind: 'failed'; readonly error: string };

/** One line of `file:line: document n: object: outcome`, and one for each note. */
export function formatFinding(input: string, { place, subject, outcome, notes }: Finding): string {
  const where = place === undefined ? input : `${input}:${place.line}: document ${place.document}`;
  const head = subject === undefined ? where : `${where}: ${subject}`;
  return [formatOutcome(outcome), ...notes.map((note) => `note: ${note}`)]
    .map((text) => `${head}: ${text}\n`)
    .join('');
}

export function formatSummary(findings: readonly Finding[]): string {
  const counts = { changed: 0, unchanged: 0, failed: 0 };
  for (const { outcome } of findings) counts[outcome.kind] += 1;
  return `${counts.changed} changed, ${counts.unchanged} unchanged, ${counts.failed} failed\n`;
}

export function toSubject({ kind, namespace, name }: Resource): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

function formatOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'changed':
      return outcome.what;
    case 'unchanged':
      return `unchanged (${outcome.why})`;
    case 'failed':
      return `error: ${outcome.error}`;
  }
}
