/** What must hold for every cluster: `--check` 1 before and 0 after, nothing to do a second time, all else as it was. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Plan } from '../../../src/migrate/plan.ts';
import { movableClusters } from '../../support/cluster-arbitrary.ts';
import { toDump, toFiles } from '../../support/cluster-forms.ts';
import { imageFlags } from '../../support/inject.ts';
import { issuer, runMigrateOn, tenantId, toYaml, writtenBy } from '../../support/migrate.ts';

const flags = [`--issuer=${issuer}`, `--tenant-id=${tenantId}`];
const check = async (files: Readonly<Record<string, string>>): Promise<number> =>
  (await runMigrateOn(['--check', ...flags, ...Object.keys(files)], { files })).exitCode;

async function changeInPlace(
  files: Readonly<Record<string, string>>,
  more: readonly string[],
): Promise<{ readonly files: Readonly<Record<string, string>>; readonly changed: number }> {
  const argv = ['--in-place', ...flags, ...imageFlags, ...more, 'base'];
  const { exitCode, stderr, written } = await runMigrateOn(argv, { files });
  expect(exitCode, stderr).toBe(0);
  return { files: { ...files, ...Object.fromEntries(written) }, changed: written.size };
}

describe('manifests that are changed in place', () => {
  it.each([[[]], [['--drop-label']]])('with %j', async (more) => {
    await fc.assert(
      fc.asyncProperty(movableClusters(), fc.boolean(), async (cluster, isWindows) => {
        const files = toFiles(cluster, isWindows);
        expect(await check(files)).toBe(1);
        const once = await changeInPlace(files, more);
        expect(await check(once.files)).toBe(0);
        await expectAccounts(once.files);
        const twice = await changeInPlace(once.files, more);
        expect([twice.changed, twice.files]).toEqual([0, once.files]);
        for (const [name, before] of Object.entries(files)) {
          expectKept(before, once.files[name] ?? '', more.length > 0);
        }
      }),
      { numRuns: 5 },
    );
  });
});

/** Each pod has a ServiceAccount with the client ID of its identity. */
async function expectAccounts(files: Readonly<Record<string, string>>): Promise<void> {
  const argv = ['--output=json', ...flags, ...Object.keys(files)];
  const { stdout } = await runMigrateOn(argv, { files });
  const { workloads, serviceAccounts }: Plan = JSON.parse(stdout);
  expect(serviceAccounts).toEqual([]);
  for (const { serviceAccount } of workloads) {
    expect(serviceAccount).toMatchObject({ action: 'none', instead: null });
  }
}

/** All lines are there, in their order, but those of the label and of the ServiceAccount. */
function expectKept(before: string, after: string, dropsLabel: boolean): void {
  const lines = after.split('\n');
  let at = 0;
  for (const line of before.split('\n')) {
    if (/^\s*serviceAccountName:/.test(line)) continue;
    if (dropsLabel && line.includes('aadpodidbinding:')) continue;
    const found = lines.indexOf(line, at);
    expect(found, `lost: ${JSON.stringify(line)}`).not.toBe(-1);
    at = found + 1;
  }
}

describe('the files of --write', () => {
  it.each([[[]], [['--drop-label']], [['--webhook=present']], [['--webhook=absent']]])(
    'with %j leave nothing to do once they are applied',
    async (more) => {
      await fc.assert(
        fc.asyncProperty(movableClusters(60), async (cluster) => {
          const { objects } = cluster;
          const files = await writtenBy(toDump(cluster), more);
          const after = apply(objects, files);
          const webhook = more.filter((flag) => flag.startsWith('--webhook'));
          const { exitCode, stdout } = await runMigrateOn(['--check', ...flags, ...webhook], {
            stdin: toYaml(...after),
          });
          expect([exitCode, stdout]).toEqual([0, expect.any(String)]);
          const again = await writtenBy(toYaml(...after), more);
          const paths = [...again.keys()].filter((path) => path.endsWith('.yaml'));
          expect(paths).toEqual([]);
        }),
        { numRuns: 10 },
      );
    },
  );

  it('are as many as there are workloads, each with its own name', async () => {
    await fc.assert(
      fc.asyncProperty(movableClusters(60), async (cluster) => {
        const { workloads } = cluster;
        const files = await writtenBy(toDump(cluster));
        const paths = [...files.keys()].filter((path) => path.startsWith('workloads/'));
        expect(paths.toSorted()).toEqual(
          workloads
            .map((one) => {
              const { kind, metadata } = Object(one);
              return `workloads/${metadata.namespace}/${kind.toLowerCase()}-${metadata.name}.yaml`;
            })
            .toSorted(),
        );
      }),
      { numRuns: 10 },
    );
  });
});

/** The cluster after `kubectl apply` of all written objects. */
function apply(objects: readonly object[], files: ReadonlyMap<string, string>): readonly object[] {
  const keyOf = (one: object): string => {
    const { kind, metadata } = Object(one);
    return `${kind} ${metadata.namespace} ${metadata.name}`;
  };
  const written = [...files]
    .filter(([path]) => path.endsWith('.yaml'))
    .flatMap(([, text]) => parseAllDocuments(text).map((document) => document.toJS()));
  return [...new Map([...objects, ...written].map((one) => [keyOf(one), one])).values()];
}
