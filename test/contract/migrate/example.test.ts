import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { exampleFolder, writeExample } from '../../../build/migration-example.ts';
import type { Plan } from '../../../src/migrate/plan.ts';
import { binding, identity, toYaml, workload } from '../../support/migrate.ts';
import { shellBlock } from '../../support/shell-blocks.ts';

const root = join(import.meta.dirname, '../../..');

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

  it('has the outputs of the commands in docs/migration.md', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'imds-proxy example '));
    const run = async (begins: string): Promise<string> => {
      const programs = `proxy() { '${join(root, 'dist/proxy')}' "$@"; }
kubectl() { cat '${join(exampleFolder, 'cluster.yaml')}'; }
`;
      const commands = programs + shellBlock('docs/migration.md', begins);
      const { stdout } = await promisify(execFile)('bash', ['--norc', '-e', '-c', commands], {
        cwd: folder,
        timeout: 50_000,
      });
      return stdout;
    };
    try {
      await run('pod_identity=');
      expect(await run('proxy migrate --issuer=')).toMatch(/^NAMESPACE +WORKLOAD/);
      await run('proxy migrate --write=');
      expect(await readdir(join(folder, 'migration'))).toContain('README.md');
      await mkdir(join(folder, 'deploy'));
      const manifests = [identity('a'), binding('b', 'a', 'web'), workload('web', 'web')];
      await writeFile(join(folder, 'deploy/web.yaml'), toYaml(...manifests));
      const check = 'proxy migrate --check deploy/';
      await expect(run(check)).rejects.toMatchObject({ code: 1 });
      await run('proxy migrate --in-place');
      expect(await run(check)).toMatch(/^nothing depends on AAD Pod Identity/);
    } finally {
      await rm(folder, { recursive: true, force: true });
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
