import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { isCi } from './test/support/ci.ts';

/** A project that builds for many minutes exists only if `--project` names it, so a bare `vitest run` is quick. */
function ifNamed(
  name: string,
  project: TestProjectInlineConfiguration,
): readonly TestProjectInlineConfiguration[] {
  return process.argv.some((argument) => argument === name || argument === `--project=${name}`)
    ? [project]
    : [];
}

export default defineConfig({
  test: {
    reporters: [
      'default',
      './test/support/kubernetes-reporter.ts',
      './test/support/summary-reporter.ts',
    ],
    // Not 0: with a single worker, vitest runs that group last.
    sequence: { groupOrder: 1 },
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 },
      },
      {
        extends: true,
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: [
            'test/e2e/containers/**',
            'test/e2e/arm64/**',
            'test/e2e/kubernetes/**',
            'test/e2e/first-run/**',
          ],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Processes, namespaces and containers on a busy machine; a second failure is a failure.
          retry: isCi ? 1 : 0,
        },
      },
      {
        extends: true,
        // The lab of real clients tests itself, and runs the clients that install within seconds.
        test: {
          name: 'clients',
          include: ['test/clients/test/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        // Copies the project, installs it anew and runs the first command of README.md.
        test: {
          name: 'first-run',
          include: ['test/e2e/first-run/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        // They take a Docker Engine; without one they are skipped, and under CI they fail.
        test: {
          name: 'containers',
          include: ['test/e2e/containers/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          retry: isCi ? 1 : 0,
          // After the others: memory limits are tried under load, and two cores are few.
          sequence: { groupOrder: 2 },
        },
      },
      ...ifNamed('arm64', {
        extends: true,
        // Under an emulator, for many minutes: `npm run test:arm64`.
        test: {
          name: 'arm64',
          include: ['test/e2e/arm64/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 1_800_000,
        },
      }),
      ...ifNamed('kubernetes', {
        extends: true,
        // They bring up a Kubernetes, of which a machine has one at a time: `npm run test:k8s`.
        test: {
          name: 'kubernetes',
          include: ['test/e2e/kubernetes/**/*.test.ts'],
          globalSetup: './test/support/kubernetes-setup.ts',
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      }),
    ],
  },
});
