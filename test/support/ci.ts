/** Whether this is CI: there, a test that cannot run on the machine fails instead of being skipped. */
export const isCi = process.env['CI'] === 'true';

/**
 * The reasons for which a test may be skipped even in CI. All others make the run fail:
 * test/support/summary-reporter.ts.
 */
export const leaves: readonly RegExp[] = [
  // A public registry is nothing that this project or its CI can repair.
  /its registry does not answer/,
  // `npm run test:k8s` without KUBERNETES_BIN has the Kubernetes that Debian has.
  /needs a current Kubernetes/,
  // Some machines pipe core dumps to a program of theirs.
  /kernel\.core_pattern of this machine/,
  // Containers often have no IPv6 at all.
  /this machine has no address ::1/,
];

/** The name of a test that is skipped; the summary at the end of the run shows the reason. */
export function toSkippedName(name: string, reason: string): string {
  return `${name} (skipped: ${reason})`;
}
