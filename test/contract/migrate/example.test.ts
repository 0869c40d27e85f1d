import { cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exampleFolder, writeExample } from '../../../build/migration-example.ts';
import type { Plan } from '../../../src/migrate/plan.ts';

/** Every file below a folder, with its text, and a mark behind the path of a program. */
async function readTree(folder: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name);
      const { mode } = await stat(path);
      const mark = (mode & 0o100) === 0 ? '' : ' (program)';
      return [`${relative(folder, path)}${mark}`, await readFile(path, 'utf8')] as const;
    }),
  );
  return Object.fromEntries(texts.sort());
}

describe('examples/aad-pod-identity', () => {
  it('has the plan and the files that its commands make (npm run docs)', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'imds-proxy example '));
    try {
      await cp(exampleFolder, copy, { recursive: true });
      for (const file of ['plan.txt', 'plan.json']) await rm(join(copy, file));
      await writeExample(copy);
      expect(await readTree(copy)).toEqual(await readTree(exampleFolder));
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });

  it('has a workload of each status, and each workload that its README names', async () => {
    const plan: Plan = JSON.parse(await readFile(join(exampleFolder, 'plan.json'), 'utf8'));
    expect(Object.values(plan.summary.workloads)).not.toContain(0);
    const readme = await readFile(join(exampleFolder, 'README.md'), 'utf8');
    for (const { namespace, kind, name } of plan.workloads) {
      const [row] =
        readme.match(new RegExp(`^\\| ${namespace}/.*\\b${kind} ${name}\\b.*$`, 'm')) ?? [];
      expect(row, `${namespace}/${kind} ${name}`).toBeDefined();
    }
  });
});
