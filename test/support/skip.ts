import { describe, it } from 'vitest';
import { isCi, leaves, toSkippedName } from './ci.ts';

/** A `describe` that is skipped because of `obstacle`, except in CI, where its tests run and fail. */
export function describeUnless(
  obstacle: string | undefined,
  name: string,
  tests: () => void,
): void {
  if (obstacle === undefined || hasToRun(obstacle)) describe(name, tests);
  else describe.skip(toSkippedName(name, obstacle), tests);
}

/** As `describeUnless`, for a single test. */
export function itUnless(
  obstacle: string | undefined,
  name: string,
  test: () => void | Promise<void>,
  timeoutMs?: number,
): void {
  if (obstacle === undefined || hasToRun(obstacle)) it(name, test, timeoutMs);
  else it.skip(toSkippedName(name, obstacle), test);
}

function hasToRun(obstacle: string): boolean {
  return isCi && !leaves.some((leave) => leave.test(obstacle));
}
