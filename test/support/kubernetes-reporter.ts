import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';
import type { ClusterRun } from '../../build/docs-kubernetes.ts';
import { runsFile } from '../../build/docs-kubernetes.ts';

const folder = join(import.meta.dirname, '../e2e/kubernetes');

/**
 * Ends a run of project `kubernetes` with a table of the tested subjects, and with the measured values. With
 * KUBERNETES_RECORD, a run in which every test of the project passed becomes the record of its version, which
 * docs/kubernetes.md shows after `npm run docs`.
 */
export default class KubernetesReporter implements Reporter {
  private vitest: Vitest | undefined;
  private startedAt = 0;

  onInit(vitest: Vitest): void {
    this.vitest = vitest;
  }

  onTestRunStart(): void {
    this.startedAt = performance.now();
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const ours = modules.filter(({ project }) => project.name === 'kubernetes');
    const [first] = ours;
    if (first === undefined) return;
    const { versions } = first.project.getProvidedContext().kubernetes;
    const tests = ours.flatMap(({ children }) => [...children.allTests()]);
    const run: ClusterRun = {
      date: new Date().toISOString().slice(0, 10),
      seconds: Math.round((performance.now() - this.startedAt) / 1000),
      versions,
      subjects: toSubjects(tests.filter((test) => test.result().state === 'passed')),
      measured: Object.assign({}, ...tests.map((test) => test.meta().measured ?? {})),
    };
    printRun(run, tests);
    if (process.env['KUBERNETES_RECORD'] === undefined) return;
    const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts'));
    const isWhole =
      this.vitest?.config.testNamePattern === undefined && ours.length === files.length;
    const hasFailed = ours.some((module) => module.state() === 'failed');
    if (!isWhole || hasFailed) {
      console.log('\nNot recorded: only a run of every file in which no test failed is.');
      return;
    }
    const runs: Record<string, ClusterRun> = JSON.parse(readFileSync(runsFile, 'utf8'));
    runs[versions.Kubernetes.replace(/\.\d+$/, '')] = run;
    writeFileSync(runsFile, `${JSON.stringify(runs, undefined, 2)}\n`);
  }
}

/** The titles of tests by the `describe` around them. */
function toSubjects(tests: readonly TestCase[]): ClusterRun['subjects'] {
  const subjects: Record<string, string[]> = {};
  for (const test of tests) {
    const { parent } = test;
    if (parent.type !== 'suite') throw new Error(`${test.fullName}: no describe around the test`);
    subjects[parent.name] = [...(subjects[parent.name] ?? []), test.name];
  }
  return subjects;
}

function printRun(
  { versions, subjects, measured, seconds }: ClusterRun,
  tests: readonly TestCase[],
): void {
  const lines = Object.entries(subjects).map(([subject, cases]) => {
    const durationMs = tests
      .filter(({ parent }) => parent.type === 'suite' && parent.name === subject)
      .reduce((sum, test) => sum + (test.diagnostic()?.duration ?? 0), 0);
    return `${String(cases.length).padStart(4)}  ${(durationMs / 1000).toFixed(0).padStart(4)} s  ${subject}`;
  });
  const values = Object.entries(measured).map(([what, value]) => `${value.padStart(12)}  ${what}`);
  const versionList = Object.entries(versions).map((pair) => pair.join(' '));
  console.log(`\nPassed in ${seconds} s on ${versionList.join(', ')}:\n${lines.join('\n')}`);
  if (values.length > 0) console.log(`\nMeasured:\n${values.join('\n')}`);
}
