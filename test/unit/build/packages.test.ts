/** The archives of a release: chart and npm package have the same name in their registries. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chartFolder } from '../../../build/chart/render.ts';
import { repositoryUrl } from '../../../build/monitoring/rule.ts';
import { type ChartOptions, packChart } from '../../../build/release/chart.ts';
import { packNpmPackage } from '../../../build/release/npm-package.ts';

const source = 'https://git.example/another';
const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const chart: Omit<ChartOptions, 'outdir'> = {
  release: { version: '0.1.0', revision: 'x', date: new Date('2026-11-29T00:00:00Z'), notes: '' },
  registry: 'registry.example/owner/imds-proxy',
  source,
  digests: { proxy: digest('a'), 'proxy-init': digest('b') },
};

const listFiles = (folder: string): readonly string[] =>
  readdirSync(join(import.meta.dirname, '../../..', folder), {
    recursive: true,
    withFileTypes: true,
  })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name).split(`${folder}/`)[1] ?? '');

describe('the archives of a release', () => {
  const folders: string[] = [];
  const packed: string[][] = [];
  beforeAll(async () => {
    for (let count = 0; count < 2; count += 1) {
      const outdir = mkdtempSync(join(tmpdir(), 'imds-proxy-archives-'));
      folders.push(outdir);
      packed.push([await packNpmPackage(outdir, source), await packChart({ ...chart, outdir })]);
    }
  }, 60_000);
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });
  const [npm, helm] = [0, 1];
  const pathOf = (which: number, of = 0): string => packed[of]?.[which] ?? '';
  const read = (which: number, file: string): string =>
    execFileSync('tar', ['--extract', '--to-stdout', '--gzip', `--file=${pathOf(which)}`, file], {
      encoding: 'utf8',
    });

  it('have different names in the folder of the release, and nothing is beside them', () => {
    const names = [pathOf(npm), pathOf(helm)].map((path) => basename(path));
    expect(names).toEqual([
      expect.stringMatching(/^npm-workload-identity-imds-proxy-/),
      'workload-identity-imds-proxy-0.1.0.tgz',
    ]);
    expect(readdirSync(folders[0] ?? '').sort()).toEqual(names);
  });

  it.each([
    ['npm package', npm],
    ['chart', helm],
  ])('the %s is the same, packed twice', (_, which) => {
    const [one, other] = [0, 1].map((of) =>
      createHash('sha256')
        .update(readFileSync(pathOf(which, of)))
        .digest('hex'),
    );
    expect(one).toBe(other);
  });

  it('the npm package names the repository that npm compares with the provenance', () => {
    expect(JSON.parse(read(npm, 'package/package.json')).repository).toEqual({
      type: 'git',
      url: `git+${source}.git`,
    });
  });

  it('the chart names its registry, its digests and the runbooks of its repository', () => {
    const folder = 'workload-identity-imds-proxy';
    expect(read(helm, `${folder}/values.yaml`)).toContain(`\n  registry: ${chart.registry}\n`);
    expect(read(helm, `${folder}/files/digests.yaml`)).toBe(
      `proxy: ${digest('a')}\ninit: ${digest('b')}\n`,
    );
    const rules = read(helm, `${folder}/files/prometheus-rule.yaml`);
    expect(rules).toContain(`runbook_url: ${source}/blob/main/docs/runbooks/`);
    for (const file of listFiles(chartFolder)) {
      expect(read(helm, `${folder}/${file}`), file).not.toContain(repositoryUrl);
    }
    expect(read(helm, `${folder}/LICENSE`)).toContain('MIT');
  });

  it("the chart's README installs this release, and links to its documents", () => {
    const readme = read(helm, 'workload-identity-imds-proxy/README.md');
    expect(readme).toContain(`helm install imds-proxy oci://${chart.registry}/charts/`);
    expect(readme).toContain(`](${source}/blob/v0.1.0/docs/verify.md)`);
    expect(readme).not.toMatch(/\]\(\.|<REGISTRY>/);
  });
});
