import { TestRunner } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Measured values with units, by name. */
    measured?: Record<string, string>;
  }
}

/** Notes a measured value for the record of the run. It never decides whether a test passes. */
export function measured(what: string, value: string): void {
  const task = TestRunner.getCurrentTest();
  if (task === undefined) throw new Error('no test is running');
  task.meta.measured = { ...task.meta.measured, [what]: value };
  console.log(`measured: ${what}: ${value}`);
}
