/** What CI relies on and actionlint does not judge. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const github = join(import.meta.dirname, '../../../.github');
const workflows = readdirSync(join(github, 'workflows'));
const forms = readdirSync(join(github, 'ISSUE_TEMPLATE')).filter((name) => name !== 'config.yml');

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}
interface Job {
  readonly 'timeout-minutes'?: number;
  readonly permissions?: unknown;
  readonly steps: readonly { readonly run?: string }[];
}

describe.each(workflows)('.github/workflows/%s', (name) => {
  const text = readFileSync(join(github, 'workflows', name), 'utf8');
  const { permissions, jobs } = parse(text) as Workflow;

  it('pins every action by commit and names its version', () => {
    const used = text.split('\n').filter((line) => /\buses:/.test(line));
    expect(used).not.toEqual([]);
    for (const line of used)
      expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('may only read, unless a job needs more and says so', () => {
    expect(permissions).toEqual({ contents: 'read' });
  });

  it('limits the time of every job', () => {
    for (const job of Object.values(jobs)) expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
  });

  it('runs scripts that exist', () => {
    const root = join(github, '..');
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const commands = Object.values(jobs).flatMap(({ steps }) => steps.map(({ run = '' }) => run));
    for (const [, script = ''] of commands.join('\n').matchAll(/npm run ([\w:-]+)/g)) {
      expect(scripts).toHaveProperty([script]);
    }
    for (const [path] of commands.join('\n').matchAll(/^\.ci\/\S+/gm)) {
      expect(statSync(join(root, path)).mode & 0o111).not.toBe(0);
    }
  });
});

it('CI runs the whole check', () => {
  expect(readFileSync(join(github, 'workflows/ci.yaml'), 'utf8')).toMatch(/- run: \.ci\/run$/m);
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
