/**
 * Writes what follows from elsewhere into the chart: the values from values.ts, and the policies, rules, dashboard and
 * policies for the network from where deploy/ has them. A contract test fails when the files differ from what this
 * would write: `npm run docs` brings them up to date.
 */
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { renderTable } from '../markdown-table.ts';
import { renderDashboard } from '../monitoring/dashboard.ts';
import { renderPrometheusRule } from '../monitoring/rules.ts';
import { renderPodMonitor } from '../monitoring/scraping.ts';
import { version } from '../version.ts';
import { limitedValues, reservedVariables, type ValueSchema, valuesSchema } from './values.ts';

const root = join(import.meta.dirname, '../..');
/** Folder of the chart below the repository. */
export const chartFolder = 'charts/workload-identity-imds-proxy';

const written = 'Written by npm run docs';

/** The generated files of the chart by their paths below the repository. */
export function renderChart(): ReadonlyMap<string, string> {
  const file = (path: string, text: string): readonly [string, string] => [
    `${chartFolder}/${path}`,
    text,
  ];
  return new Map([
    file('Chart.yaml', renderChartYaml()),
    file('values.yaml', renderValues()),
    file('values.schema.json', renderSchema()),
    file('files/inject.yaml', toPolicies('deploy/policies/inject.yaml')),
    file('files/swap.yaml', toPolicies('deploy/policies/mutating-admission-policy.yaml')),
    file('files/limited-values.yaml', toYaml('build/chart/values.ts', listLimited())),
    file('files/reserved-variables.yaml', toYaml('build/chart/values.ts', reservedVariables)),
    file('files/dashboard.json', renderDashboard()),
    file('files/pod-monitor.yaml', toSpec(renderPodMonitor(), 'build/monitoring')),
    file('files/prometheus-rule.yaml', toSpec(renderPrometheusRule(), 'build/monitoring')),
    file(
      'files/network-policy.yaml',
      toSpec(read('deploy/network-policy.yaml'), 'deploy/network-policy.yaml'),
    ),
  ]);
}

function renderChartYaml(): string {
  const { description } = JSON.parse(read('package.json')) as { readonly description: string };
  return toYaml('build/chart', {
    apiVersion: 'v2',
    name: 'workload-identity-imds-proxy',
    description,
    type: 'application',
    version,
    appVersion: version,
    keywords: ['azure', 'entra', 'imds', 'workload-identity', 'admission-policy'],
    annotations: { 'artifacthub.io/license': 'MIT' },
  });
}

interface PolicyObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly policyName?: string };
}

/**
 * The policies of a file with their bindings. The chart names them after its release, and sets their version and their
 * namespaces.
 * @throws if a policy has no binding: it would do nothing.
 */
function toPolicies(path: string): string {
  const objects = parseAllDocuments(read(path)).map((document): PolicyObject => document.toJS());
  const policies = objects.filter(({ spec }) => spec.policyName === undefined);
  const list = policies.map(({ kind, metadata: { name }, spec }) => {
    const binding = objects.find(({ spec: { policyName } }) => policyName === name)?.spec;
    if (binding === undefined) throw new Error(`${path}: ${name} has no binding`);
    const { policyName: _, ...rest } = binding;
    const suffix = name.replace(/^imds-proxy-?/, '');
    return { name: suffix === '' ? 'swap' : suffix, policy: { kind, spec }, binding: rest };
  });
  return toYaml(path, list);
}

/** The spec of an object that deploy/ has: the chart names and labels it otherwise. */
function toSpec(object: string, from: string): string {
  return toYaml(from, (parse(object) as { readonly spec: unknown }).spec);
}

function renderSchema(): string {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...withGlobal(valuesSchema),
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

/** Helm itself adds the value `global`. */
function withGlobal(schema: ValueSchema): ValueSchema {
  return { ...schema, properties: { ...schema.properties, global: { type: 'object' } as never } };
}

function renderValues(): string {
  return `# ${written} from build/chart/values.ts.\n\n${toBlocks(valuesSchema).join('\n\n')}\n`;
}

/** The settings of a group, each with its description as a comment before it. */
function toBlocks({ properties = {} }: ValueSchema): readonly string[] {
  return Object.entries(properties).map(([name, schema]) => {
    const comment = wrap(toPlain(schema.description), 96).map((line) => `# ${line}\n`);
    const body =
      schema.default === undefined
        ? `${name}:\n${toBlocks(schema)
            .join('\n')
            .replaceAll(/^(?=.)/gm, '  ')}`
        : stringify({ [name]: schema.default }, { lineWidth: 0 }).trimEnd();
    return `${comment.join('')}${body}`;
  });
}

/** A value of the chart, as the README lists it. */
interface Row {
  readonly path: string;
  readonly schema: ValueSchema;
}

/** Values with a default: groups have none. `global` is Helm's own. */
export function listValues(schema: ValueSchema, path = ''): readonly Row[] {
  if (schema.default !== undefined) return [{ path, schema }];
  return Object.entries(schema.properties ?? {}).flatMap(([name, part]) =>
    listValues(part, path === '' ? name : `${path}.${name}`),
  );
}

/** @throws if there is no such value, or one has no default to compare with. */
function listLimited(): readonly object[] {
  const rows = listValues(valuesSchema);
  return Object.entries(limitedValues).map(([wanted, modes]) => {
    const found = rows.find(({ path }) => path === wanted);
    if (found === undefined) throw new Error(`no value ${wanted}`);
    return { path: found.path, default: found.schema.default, modes };
  });
}

/** The values as a table. */
export function renderValuesTable(): string {
  return renderTable(
    ['Value', 'Default', 'Meaning'],
    listValues(valuesSchema).map(({ path, schema }) => [
      `\`${path}\``,
      `\`${JSON.stringify(schema.default)}\``,
      schema.description,
    ]),
  );
}

/** Without the links of Markdown. */
function toPlain(text: string): string {
  return text.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function toYaml(from: string, value: unknown): string {
  const text = stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
  return `# ${written} from ${from}.\n${text}`;
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

if (import.meta.main) {
  for (const [path, text] of renderChart()) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
