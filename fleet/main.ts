/** `npm run fleet`: simulates fleets of pods and, with `--write`, records the results in docs/fleet.md. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { applySection } from '../build/docs.ts';
import { TENANT_LIMIT_PER_SECOND } from './assumptions.ts';
import { policyNames } from './pods.ts';
import { type Run, renderScenario, renderScenarioPlot, toHead, toRow } from './report.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { simulate } from './simulate.ts';

const root = join(import.meta.dirname, '..');

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '1000,10000,100000' },
    only: { type: 'string' },
    limit: { type: 'string', default: String(TENANT_LIMIT_PER_SECOND) },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(`npm run fleet -- [--pods N,…] [--only SCENARIO,…] [--limit N] [--seed N] [--write]

  --pods   sizes of the fleet (1000,10000,100000; the last takes most of an hour and 6 GB)
  --only   ${scenarios.map(({ name }) => name).join(', ')}
  --limit  tokens a second that Entra issues to the tenant (${TENANT_LIMIT_PER_SECOND})
  --seed   where the random numbers begin (1); the same seed gives the same results
  --write  write each scenario into docs/fleet.md, with its plot, as soon as it is done
`);
  process.exit(0);
}

const sizes = values.pods.split(',').map(Number);
const only = values.only?.split(',') ?? scenarios.map(({ name }) => name);
const limitPerSecond = Number(values.limit);
const seed = Number(values.seed);
const areNumbers = [...sizes, limitPerSecond, seed].every((n) => Number.isInteger(n) && n > 0);
const unknown = only.filter((name) => !scenarios.some((scenario) => scenario.name === name));
const isOther = values.limit !== String(TENANT_LIMIT_PER_SECOND) || values.seed !== '1';
if (!areNumbers || unknown.length > 0 || (values.write && isOther)) {
  process.stderr.write(`not understood: ${process.argv.slice(2).join(' ')}; see --help\n`);
  process.exit(2);
}

for (const scenario of scenarios.filter(({ name }) => only.includes(name))) {
  process.stdout.write(`\n${scenario.name}: ${scenario.title}\n${toHead(scenario).join('\t')}\n`);
  const runs: Run[] = [];
  for (const pods of sizes) {
    for (const policy of policyNames) {
      const figures = await simulate(scenario, { pods, policy, limitPerSecond, seed });
      const run = { scenario, policy, pods, figures };
      runs.push(run);
      process.stdout.write(`${toRow(run).join('\t')}\n`);
    }
  }
  if (values.write) await record(scenario, runs);
}

async function record(scenario: Scenario, runs: readonly Run[]): Promise<void> {
  const file = 'docs/fleet.md';
  const section = { file, name: scenario.name, render: () => renderScenario(scenario, runs) };
  const document = await readFile(join(root, file), 'utf8');
  await writeFile(join(root, file), applySection(document, section));
  await mkdir(join(root, 'docs/fleet'), { recursive: true });
  await writeFile(
    join(root, `docs/fleet/${scenario.name}.svg`),
    renderScenarioPlot(scenario, runs, limitPerSecond),
  );
}
