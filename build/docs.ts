/**
 * Writes the parts of docs/ that follow from the code, each between its markers. A contract test fails when
 * they differ from what this would write: `npm run docs` then brings them up to date.
 */
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { renderAssumptions } from '../fleet/report.ts';
import { injectOptions } from '../src/inject/options.ts';
import { findingCodes } from '../src/migrate/finding-codes.ts';
import { ownOptions } from '../src/migrate/options.ts';
import { proxyOptions } from '../src/proxy/config/options.ts';
import { bucketBoundsMs } from '../src/proxy/metrics/instruments.ts';
import { createMetrics } from '../src/proxy/metrics/metrics.ts';
import type { Option, OptionTable } from '../src/shared/option-table.ts';
import { listOptions } from '../src/shared/options-help.ts';
import { chartFolder, renderValuesTable } from './chart/render.ts';
import {
  renderExchangeRequirements,
  renderRedirectCases,
  renderVectors,
} from './docs-conformance.ts';
import { renderFileCauses } from './docs-doctor.ts';
import { renderAadstsCodes, renderErrorCodes } from './docs-errors.ts';
import { renderCalls, renderFaults } from './docs-identity-binding.ts';
import { renderMeasured, renderRuns } from './docs-kubernetes.ts';
import { code, renderTable } from './markdown-table.ts';
import { exampleFolder } from './migration-example.ts';
import { renderAlerts } from './monitoring/docs-alerts.ts';
import { renderPolicySettings } from './policies/settings.ts';
import { renderVersions } from './versions/render.ts';

const root = join(import.meta.dirname, '..');

/** A part of a document that is written from code. */
export interface GeneratedSection {
  /** Path of the document from the root of the project. */
  readonly file: string;
  /** Name of the section in its markers. */
  readonly name: string;
  readonly render: () => string;
}

export const generatedSections: readonly GeneratedSection[] = [
  { file: 'docs/configuration.md', name: 'options', render: () => renderOptions(proxyOptions) },
  { file: 'docs/inject.md', name: 'flags', render: () => renderFlags(injectOptions) },
  { file: 'docs/migration.md', name: 'plan', render: renderExamplePlan },
  { file: 'docs/migration-plan.md', name: 'findings', render: renderFindings },
  { file: 'docs/migration-plan.md', name: 'flags', render: () => renderFlags(ownOptions) },
  { file: 'docs/metrics.md', name: 'metrics', render: renderMetrics },
  { file: 'docs/metrics.md', name: 'buckets', render: renderBuckets },
  { file: 'docs/monitoring.md', name: 'alerts', render: renderAlerts },
  { file: 'docs/conformance.md', name: 'vectors', render: renderVectors },
  { file: 'docs/conformance.md', name: 'exchange', render: renderExchangeRequirements },
  { file: 'docs/conformance.md', name: 'redirect', render: renderRedirectCases },
  { file: 'docs/errors.md', name: 'codes', render: renderErrorCodes },
  { file: 'docs/errors.md', name: 'aadsts', render: renderAadstsCodes },
  { file: 'docs/doctor.md', name: 'file-causes', render: renderFileCauses },
  { file: 'docs/identity-binding.md', name: 'faults', render: renderFaults },
  { file: 'docs/identity-binding.md', name: 'calls', render: renderCalls },
  { file: 'docs/injection-policy.md', name: 'settings', render: renderPolicySettings },
  { file: 'docs/kubernetes.md', name: 'runs', render: renderRuns },
  { file: 'docs/kubernetes.md', name: 'measured', render: renderMeasured },
  { file: 'docs/upgrade.md', name: 'versions', render: renderVersions },
  { file: `${chartFolder}/README.md`, name: 'values', render: renderValuesTable },
  { file: 'docs/fleet.md', name: 'assumptions', render: renderAssumptions },
];

/**
 * The document with its section as the code has it now.
 * @throws if the markers are not there, once each.
 */
export function applySection(document: string, { file, name, render }: GeneratedSection): string {
  const begin = `<!-- begin generated: ${name} -->`;
  const end = `<!-- end generated: ${name} -->`;
  const [before, rest, ...more] = document.split(begin);
  const [, after, ...others] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined || more.length + others.length > 0) {
    throw new Error(`${file}: ${begin} and ${end} must be there, once each and in this order`);
  }
  return `${before}${begin}\n\n${render()}\n\n${end}${after}`;
}

/** What a document should be. */
export async function renderDocument(file: string): Promise<string> {
  const document = await readFile(join(root, file), 'utf8');
  return generatedSections
    .filter((section) => section.file === file)
    .reduce(applySection, document);
}

function renderOptions(table: OptionTable): string {
  const groups = Object.groupBy(listOptions(table), ({ group }) => group);
  return Object.entries(groups)
    .map(([group, options = []]) => {
      const rows = options.map((option) => [
        formatFlag(option),
        [option.env, option.envAlias].map(code).filter(Boolean).join(', '),
        formatDefault(option),
        option.help,
      ]);
      return `### ${group}\n\n${renderTable(['Flag', 'Variable', 'Default', 'Meaning'], rows)}`;
    })
    .join('\n\n');
}

/** The options of a program that reads no variables. */
function renderFlags(table: OptionTable): string {
  const groups = Object.groupBy(listOptions(table), ({ group }) => group);
  return Object.entries(groups)
    .map(([group, options = []]) => {
      const rows = options.map((option) => [
        formatFlag(option),
        formatDefault(option),
        option.help,
      ]);
      return `### ${group}\n\n${renderTable(['Flag', 'Default', 'Meaning'], rows)}`;
    })
    .join('\n\n');
}

/** The table of workloads, with which the plan of the example begins. */
function renderExamplePlan(): string {
  const plan = readFileSync(join(exampleFolder, 'plan.txt'), 'utf8');
  return `\`\`\`text\n${plan.split('\n\n')[0]}\n\`\`\``;
}

function renderFindings(): string {
  const rows = Object.entries(findingCodes).map(([name, { level, when }]) => [
    code(name),
    level,
    when,
  ]);
  return renderTable(['Code', 'Level', 'When'], rows);
}

function formatFlag({ flag, type }: Option): string {
  if (flag === undefined) return '';
  return code(type.standsAlone === true ? `--${flag}` : `--${flag} <${type.label}>`);
}

function formatDefault(option: Option): string {
  if (option.required !== undefined) return '**required**';
  return option.default === '' ? 'empty' : code(option.default);
}

function renderMetrics(): string {
  const rows = createMetrics().table.map(({ name, type, labels, help }) => [
    code(name),
    type,
    Object.entries(labels)
      .map(([label, values]) => `${code(label)}: ${values}`)
      .join('; '),
    help,
  ]);
  return renderTable(['Metric', 'Type', 'Labels', 'Meaning'], rows);
}

function renderBuckets(): string {
  return `Buckets of the histograms, in seconds: ${bucketBoundsMs.map((bound) => bound / 1_000).join(', ')}.`;
}

if (import.meta.main) {
  for (const file of new Set(generatedSections.map((section) => section.file))) {
    await writeFile(join(root, file), await renderDocument(file));
  }
}
