import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderTable } from './markdown-table.ts';

/** Runs of `npm run test:k8s`, by minor version. KUBERNETES_RECORD=1 writes them. */
export const runsFile = join(import.meta.dirname, '../test/e2e/kubernetes/runs.json');

/** One run against a real Kubernetes in which every test passed. */
export interface ClusterRun {
  /** Of its day, as `2026-01-31`. */
  readonly date: string;
  readonly seconds: number;
  /** By the name of the program. */
  readonly versions: Readonly<Record<string, string>>;
  /** Titles of the cases by their subject. */
  readonly subjects: Readonly<Record<string, readonly string[]>>;
  /** Measured values with units, by name. They decide nothing. */
  readonly measured: Readonly<Record<string, string>>;
}

/** The recorded runs, the newest Kubernetes first. */
export function readRuns(): readonly ClusterRun[] {
  const runs: Readonly<Record<string, ClusterRun>> = JSON.parse(readFileSync(runsFile, 'utf8'));
  return Object.entries(runs)
    .toSorted(([one], [other]) => other.localeCompare(one, 'en', { numeric: true }))
    .map(([, run]) => run);
}

/** What was tested on which Kubernetes, with the number of cases. */
export function renderRuns(): string {
  const runs = readRuns();
  const subjects = [...new Set(runs.flatMap((run) => Object.keys(run.subjects)))];
  const head = ['', ...runs.map(({ versions }) => `Kubernetes ${versions['Kubernetes']}`)];
  const row = (name: string, toCell: (run: ClusterRun) => string) => [name, ...runs.map(toCell)];
  const others = [...new Set(runs.flatMap(({ versions }) => Object.keys(versions)))].filter(
    (name) => name !== 'Kubernetes',
  );
  return renderTable(head, [
    row('date', ({ date }) => date),
    ...others.map((name) => row(name, ({ versions }) => versions[name] ?? '')),
    ...subjects.map((subject) =>
      row(subject, (run) => {
        const { length } = run.subjects[subject] ?? [];
        return length === 0 ? 'no' : `${length} ${length === 1 ? 'case' : 'cases'}`;
      }),
    ),
  ]);
}

/** What the newest run measured. */
export function renderMeasured(): string {
  const [run] = readRuns();
  return renderTable(
    ['', `Kubernetes ${run?.versions['Kubernetes']}`],
    Object.entries(run?.measured ?? {}).map((pair) => [...pair]),
  );
}
