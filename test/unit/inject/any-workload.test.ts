import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { isEqual } from '../../../src/inject/manifest/value.ts';
import { imageFlags, runInjectOn } from '../../support/inject.ts';
import { findTypeFaults } from '../../support/kubernetes-types.ts';
import { layouts, write } from './manifest-arbitrary.ts';
import { workloads } from './workload-arbitrary.ts';

const flags = fc.constantFrom<string[]>(
  [],
  ['--classic'],
  ['--identity-binding', '--proxy-port=8123', '--passthrough=off'],
  ['--webhook=absent', '--tenant-id=contoso.example', '--token-containers=all'],
  ['--webhook=absent', '--tenant-id=contoso.example', '--classic', '--admin-port=0'],
);

const inject = async (stdin: string, argv: readonly string[]): Promise<string> => {
  const { stdout, stderr, exitCode } = await runInjectOn('inject', [...imageFlags, ...argv], {
    stdin,
  });
  expect(exitCode, `${stdin}\n${stderr}`).toBe(0);
  return stdout;
};
const uninject = async (stdin: string): Promise<string> =>
  (await runInjectOn('uninject', [], { stdin })).stdout;

describe('any workload in any layout', () => {
  it('is injected twice as it is once, and restored byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(workloads, layouts, flags, async (workload, layout, argv) => {
        const original = write(workload, layout);
        const once = await inject(original, argv);
        expect(await inject(once, argv)).toBe(once);
        expect(await uninject(once)).toBe(original);
      }),
      { numRuns: 150 },
    );
  });

  it('is the same whatever it was injected with before', async () => {
    await fc.assert(
      fc.asyncProperty(workloads, layouts, flags, flags, async (workload, layout, before, argv) => {
        const original = write(workload, layout);
        const direct = await inject(original, argv);
        const updated = await inject(await inject(original, before), argv);
        expect(isEqual(parse(updated), parse(direct))).toBe(true);
        expect(await uninject(updated)).toBe(original);
      }),
      { numRuns: 100 },
    );
  });

  it('gains nothing that the Kubernetes API does not have', async () => {
    await fc.assert(
      fc.asyncProperty(workloads, layouts, flags, async (workload, layout, argv) => {
        const injected = parse(await inject(write(workload, layout), argv));
        expect(findTypeFaults(injected)).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it('has every comment that it had', async () => {
    await fc.assert(
      fc.asyncProperty(workloads, layouts, flags, async (workload, layout, argv) => {
        const original = write(workload, layout);
        const injected = await inject(original, argv);
        const comments = original.match(/# (?:note|tail) \d+/g) ?? [];
        const kept = injected.match(/# (?:note|tail) \d+/g) ?? [];
        expect(kept).toEqual(comments);
      }),
      { numRuns: 50 },
    );
  });
});
