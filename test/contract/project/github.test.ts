/** The workflows: actionlint, and rules of ours that it does not know. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findGoTool } from '../../support/go-tools.ts';
import { describeUnless } from '../../support/skip.ts';

const github = join(import.meta.dirname, '../../../.github');
const workflows = readdirSync(join(github, 'workflows'));
const forms = readdirSync(join(github, 'ISSUE_TEMPLATE')).filter((name) => name !== 'config.yml');

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}
interface Job {
  readonly 'timeout-minutes'?: number;
  /** Another workflow of ours, which has its own limits. */
  readonly uses?: string;
  readonly steps?: readonly { readonly run?: string }[];
}

describe.each(workflows)('.github/workflows/%s', (name) => {
  const text = readFileSync(join(github, 'workflows', name), 'utf8');
  const { permissions, jobs } = parse(text) as Workflow;

  it('pins every action by commit and names its version', () => {
    const used = text
      .split('\n')
      .filter((line) => /\buses:/.test(line) && !/uses: \.\/\.github\//.test(line));
    expect(used).not.toEqual([]);
    for (const line of used)
      expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('may only read, unless a job needs more and says so', () => {
    expect(permissions).toEqual({ contents: 'read' });
  });

  it('limits the time of every job', () => {
    for (const job of Object.values(jobs)) {
      if (job.uses === undefined) expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
    }
  });

  it('runs scripts that exist', () => {
    const root = join(github, '..');
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const commands = Object.values(jobs).flatMap(({ steps = [] }) =>
      steps.map(({ run = '' }) => run),
    );
    for (const [, script = ''] of commands.join('\n').matchAll(/npm run ([\w:-]+)/g)) {
      expect(scripts).toHaveProperty([script]);
    }
    for (const [path] of commands.join('\n').matchAll(/^\.ci\/\S+/gm)) {
      expect(statSync(join(root, path)).mode & 0o111).not.toBe(0);
    }
  });
});

const actionlint = findGoTool('actionlint') ?? '';

describeUnless(
  actionlint === '' ? 'actionlint is missing; run .ci/go-tools' : undefined,
  'actionlint',
  () => {
    const lint = (file: string) =>
      promisify(execFile)(actionlint, ['-no-color', file], { cwd: join(github, '..') });

    it.each(workflows)('finds nothing in %s', async (name) => {
      const { stdout } = await lint(join(github, 'workflows', name));
      expect(stdout).toBe('');
    });

    it('finds a step that names no output', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'imds-proxy-actionlint-'));
      try {
        const file = join(folder, 'wrong.yaml');
        const text = readFileSync(join(github, 'workflows/release.yaml'), 'utf8');
        await writeFile(file, text.replace('steps.publish.outputs', 'steps.publishing.outputs'));
        await expect(lint(file)).rejects.toMatchObject({
          stdout: expect.stringContaining('publishing'),
        });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  },
);

it('CI runs the whole check, and a release without its registry', () => {
  const text = readFileSync(join(github, 'workflows/ci.yaml'), 'utf8');
  expect(text).toMatch(/- run: \.ci\/run$/m);
  expect(text).toMatch(/- run: npm run release:dry$/m);
});

describe('the workflow of a release', () => {
  const { jobs } = parse(readFileSync(join(github, 'workflows/release.yaml'), 'utf8')) as {
    readonly jobs: Readonly<Record<string, Record<string, unknown>>>;
  };
  const goTools = readFileSync(join(github, '../.ci/go-tools'), 'utf8');

  it('publishes only after the check of the tag, all tests and both builds', () => {
    expect(jobs['publish']?.['needs']).toBe('build');
    expect(jobs['build']?.['needs']).toEqual(['check', 'tests']);
    expect(jobs['tests']?.['uses']).toBe('./.github/workflows/ci.yaml');
  });

  it.each(['buildx', 'cosign'])('has the %s of the dry run', (tool) => {
    const version = new RegExp(`build ${tool} \\S+ (v[\\d.]+)`).exec(goTools)?.[1] ?? 'none';
    expect(JSON.stringify(jobs)).toMatch(new RegExp(`"(version|cosign-release)":"${version}"`));
  });

  it('has the BuildKit of the dry run and of docs/verify.md', () => {
    const version = /build_within_module buildkitd \S+ (v[\d.]+)/.exec(goTools)?.[1] ?? 'none';
    const image = `image=moby/buildkit:${version}`;
    expect(JSON.stringify(jobs)).toContain(`${image}@sha256:`);
    expect(readFileSync(join(github, '../docs/verify.md'), 'utf8')).toContain(image);
  });
});

it('Renovate finds the Go programs of .ci', () => {
  const { customManagers } = JSON.parse(readFileSync(join(github, 'renovate.json'), 'utf8'));
  const pattern = new RegExp(customManagers[0].matchStrings[0], 'g');
  const find = (file: string) =>
    [...readFileSync(join(github, '../.ci', file), 'utf8').matchAll(pattern)].map(
      ({ groups }) => `${groups?.['depName']} ${groups?.['currentValue']}`,
    );
  expect(find('go-tools')).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^github\.com\/rhysd\/actionlint v1\./),
      expect.stringMatching(/^helm\.sh\/helm\/v4 v4\./),
      expect.stringMatching(/^sigs\.k8s\.io\/kustomize\/kustomize\/v5 v5\./),
      expect.stringMatching(/^github\.com\/sigstore\/cosign\/v3 v3\./),
      expect.stringMatching(/^github\.com\/moby\/buildkit v0\./),
    ]),
  );
});

describe.each(forms)('.github/ISSUE_TEMPLATE/%s', (name) => {
  it('is an issue form', () => {
    const form = parse(readFileSync(join(github, 'ISSUE_TEMPLATE', name), 'utf8')) as {
      readonly body: readonly { readonly id?: string; readonly type: string }[];
    };
    expect(form).toMatchObject({ name: expect.any(String), description: expect.any(String) });
    const fields = form.body.filter(({ type }) => type !== 'markdown');
    for (const { type } of fields)
      expect(['textarea', 'input', 'dropdown', 'checkboxes']).toContain(type);
    const ids = fields.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).not.toContain(undefined);
  });
});
