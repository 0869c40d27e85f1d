import type { Reporter, SerializedError, TestCase, TestModule, Vitest } from 'vitest/node';
import { isCi, leaves } from './ci.ts';

interface Skipped {
  readonly reason: string;
  readonly file: string;
}

/**
 * Ends a run with a table of the tests that were skipped, by reason, and with one plain line of counts that a
 * CI log can be searched for.
 */
export default class SummaryReporter implements Reporter {
  private vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.vitest = vitest;
  }

  onTestRunEnd(
    modules: ReadonlyArray<TestModule>,
    unhandledErrors: ReadonlyArray<SerializedError>,
  ): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const skipped: Skipped[] = [];
    for (const module of modules) {
      let failed = 0;
      const unexplained: TestCase[] = [];
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        counts[state === 'pending' ? 'skipped' : state] += 1;
        if (state === 'failed') failed += 1;
        if (state !== 'skipped' && state !== 'pending') continue;
        const reason = findReason(test);
        if (reason === undefined) unexplained.push(test);
        else skipped.push({ reason, file: module.relativeModuleId });
      }
      // A file that could not be loaded has no tests, and one whose hook failed has them skipped: neither
      // must pass for that.
      const hasFailedHook = failed === 0 && module.state() === 'failed';
      if (hasFailedHook) counts.failed += 1;
      const reason = hasFailedHook ? 'a hook of the file failed, see above' : 'no reason is given';
      for (const _ of unexplained) skipped.push({ reason, file: module.relativeModuleId });
    }
    // Those that `-t` has left out need no explanation.
    if (this.vitest?.config.testNamePattern === undefined) {
      printTable(skipped);
      if (isCi) counts.failed += failWithoutLeave(skipped);
    }
    console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
}

/** The reason that the test itself gave, or that stands in the name of the test or of a suite around it. */
function findReason(test: TestCase): string | undefined {
  const result = test.result();
  if (result.state === 'skipped' && result.note !== undefined) return result.note;
  return /\(skipped: (.*)\)/.exec(test.fullName)?.[1];
}

function printTable(skipped: readonly Skipped[]): void {
  if (skipped.length === 0) return;
  console.log('\nSkipped tests, by reason:');
  for (const [reason, tests = []] of Object.entries(Object.groupBy(skipped, (one) => one.reason))) {
    console.log(`  ${reason}`);
    for (const [file, { length }] of toCounts(tests.map((one) => one.file))) {
      console.log(`    ${String(length).padStart(4)}  ${file}`);
    }
  }
}

function toCounts(files: readonly string[]): readonly (readonly [string, readonly string[]])[] {
  return Object.entries(Object.groupBy(files, (file) => file)).map(([file, all = []]) => [
    file,
    all,
  ]);
}

/** In CI, fails the run for each test that was skipped for another reason than those that are allowed. */
function failWithoutLeave(skipped: readonly Skipped[]): number {
  const without = skipped.filter(
    ({ reason }) => !/^a hook/.test(reason) && !leaves.some((leave) => leave.test(reason)),
  );
  if (without.length === 0) return 0;
  process.exitCode = 1;
  console.log(
    `\nIn CI, ${without.length} of these tests must not be skipped (test/support/ci.ts).`,
  );
  return without.length;
}
