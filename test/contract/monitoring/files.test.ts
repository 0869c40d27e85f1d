/** The files of deploy/monitoring follow from the code, fit each other, and lead to pages that exist. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { alerts } from '../../../build/monitoring/alerts.ts';
import { recordingRules } from '../../../build/monitoring/recording-rules.ts';
import { repositoryUrl } from '../../../build/monitoring/rule.ts';
import { renderMonitoring } from '../../../build/monitoring/write.ts';
import { createMetrics } from '../../../src/proxy/metrics/metrics.ts';
import { promtool, withoutPromtool } from '../../support/promtool.ts';
import { shellBlock } from '../../support/shell-blocks.ts';
import { itUnless } from '../../support/skip.ts';
import { documentOf } from '../docs/documents.ts';

const root = join(import.meta.dirname, '../../..');
const folder = join(root, 'deploy/monitoring');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
const { groups } = parse(read('rules.yaml')) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);

function makeFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'monitoring-files-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

describe('deploy/monitoring follows from the code (npm run docs)', () => {
  test.each([...renderMonitoring()])('%s', (name, text) => {
    expect(read(name)).toBe(text);
  });

  test('and has no other file', () => {
    expect(readdirSync(folder).toSorted()).toEqual([...renderMonitoring().keys()].toSorted());
  });
});

test('Azure Managed Prometheus gets the same scrape configuration', () => {
  const { metadata, data } = parse(read('ama-metrics-prometheus-config.yaml')) as {
    readonly metadata: object;
    readonly data: Readonly<Record<string, string>>;
  };
  expect(metadata).toEqual({ name: 'ama-metrics-prometheus-config', namespace: 'kube-system' });
  expect(parse(data['prometheus-config'] ?? '')).toEqual(parse(read('scrape-config.yaml')));
});

describe('the rules', () => {
  test('are the same for the Prometheus Operator', () => {
    const { kind, spec } = parse(read('prometheus-rules.yaml')) as { kind: string; spec: unknown };
    expect(kind).toBe('PrometheusRule');
    expect(spec).toEqual({ groups });
  });

  test('are in groups that Azure Managed Prometheus takes: up to 20 rules each', () => {
    for (const group of groups) expect(group.rules.length).toBeLessThanOrEqual(20);
  });

  itUnless(withoutPromtool, "pass promtool's checks, lint included", () => {
    const checked = spawnSync(
      promtool ?? 'promtool',
      ['check', 'rules', '--lint=all', '--lint-fatal', join(folder, 'rules.yaml')],
      { encoding: 'utf8' },
    );
    expect(checked).toMatchObject({ status: 0, stdout: expect.stringContaining('SUCCESS') });
  });

  test('name metrics that exist, of the proxy and of each other', () => {
    const ours = createMetrics().table.flatMap(({ name, type }) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    );
    const known = new Set([...ours, ...recordingRules.map(({ record }) => record)]);
    const named = rules.flatMap(({ expr, annotations = {} }) =>
      [expr, ...Object.values(annotations)].flatMap(
        (text) => text.match(/(?:\b[a-z_]+:)?\bimds_proxy_[a-z_]+(?::\w+)?/g) ?? [],
      ),
    );
    expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
  });

  test.each(recordingRules.map(({ record }) => record))(
    '%s has a name of the form level:metric:operations',
    (record) => {
      expect(record).toMatch(/^[a-z_]+:imds_proxy_[a-z_]+:[a-z0-9_]+$/);
    },
  );
});

describe.each(rules.filter(({ alert }) => alert !== undefined))('$alert', (rule) => {
  const { summary = '', description = '', runbook_url: url = '' } = rule.annotations ?? {};

  test('states its severity, its meaning and its effect on users', () => {
    expect(rule.labels?.['severity']).toMatch(/^(?:critical|warning|info)$/);
    expect(summary).toMatch(/^[A-Z].*\.$/);
    expect(summary.length).toBeLessThan(120);
    expect(description).toMatch(/\bapplication|\bclient/i);
    expect(description).toMatch(/\.$/);
  });

  test('has a runbook at its address, with every section', () => {
    expect(url.startsWith(`${repositoryUrl}/blob/main/docs/runbooks/`)).toBe(true);
    const { file, prose } = documentOf(url.replace(`${repositoryUrl}/blob/main/`, ''));
    expect(prose).toMatch(new RegExp(`^# ${rule.alert}$`, 'm'));
    expect([...prose.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading).slice(0, 5)).toEqual([
      'Meaning',
      'Impact',
      'First command',
      'Causes',
      'Escalate',
    ]);
    expect(readFileSync(join(root, file), 'utf8').split('## First command')[1]).toMatch(
      /^\s[^#]*```(?:sh|promql)$/m,
    );
  });
});

test('there is no runbook without an alert', () => {
  const pages = readdirSync(join(root, 'docs/runbooks')).map((name) => name.replace('.md', ''));
  expect(pages.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
});

test('the address of the repository can be replaced as docs/monitoring.md says', () => {
  const copy = makeFolder();
  cpSync(folder, join(copy, 'deploy/monitoring'), { recursive: true });
  writeFileSync(join(copy, 'edit.sh'), shellBlock('docs/monitoring.md', 'sed -i'));
  execFileSync('sh', ['-e', 'edit.sh'], { cwd: copy });
  for (const name of ['rules.yaml', 'prometheus-rules.yaml']) {
    const text = readFileSync(join(copy, 'deploy/monitoring', name), 'utf8');
    expect(text).not.toContain(repositoryUrl);
    expect(text).toContain('https://git.your-company.example/imds-proxy/blob/main/docs/runbooks/');
  }
});
