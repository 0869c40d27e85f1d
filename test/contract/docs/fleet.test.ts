/**
 * docs/fleet.md holds the results of `npm run fleet -- --write`. After a change of the policy they are out of
 * date: the rows of the smallest fleet are played again here.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TENANT_LIMIT_PER_SECOND } from '../../../fleet/assumptions.ts';
import { policyNames } from '../../../fleet/pods.ts';
import { toHead, toRow } from '../../../fleet/report.ts';
import { type Scenario, scenarios } from '../../../fleet/scenarios.ts';
import { simulate } from '../../../fleet/simulate.ts';
import { shellBlock } from '../../support/shell-blocks.ts';
import { documentOf, root, toDocument, toRows } from './documents.ts';

const pods = 1_000;
const { prose } = documentOf('docs/fleet.md');

describe('the results in docs/fleet.md', () => {
  test.each(scenarios)('$title: has a plot and a row for each policy and size', (scenario) => {
    expect(existsSync(join(root, `docs/fleet/${scenario.name}.svg`))).toBe(true);
    // The outage of two hours with 100,000 pods takes hours.
    const sizes = ['1,000', '10,000', ...(scenario.name === 'outage-2-h' ? [] : ['100,000'])];
    expect(
      rowsOf(scenario.title, toHead(scenario)).map(([size, policy]) => [size, policy]),
    ).toEqual(sizes.flatMap((size) => policyNames.map((policy) => [size, policy])));
  });

  // The outage of two hours takes longer than all others together.
  test.each(scenarios.filter(({ name }) => name !== 'outage-2-h'))(
    '$title: 1,000 pods give the same rows',
    async (scenario) => {
      const rows = rowsOf(scenario.title, toHead(scenario));
      for (const [index, policy] of policyNames.entries()) {
        const figures = await simulate(scenario, {
          pods,
          policy,
          limitPerSecond: TENANT_LIMIT_PER_SECOND,
          seed: 1,
        });
        expect(rows[index]).toEqual([...toRow({ scenario, policy, pods, figures })]);
      }
    },
  );
});

describe('npm run fleet', () => {
  const run = (command: string): SpawnSyncReturns<string> =>
    spawnSync('bash', ['-c', command], { cwd: root, encoding: 'utf8' });

  test('prints the same rows', () => {
    const { status, stdout } = run(shellBlock('docs/fleet.md', 'npm run fleet'));
    expect(status).toBe(0);
    const scenario = scenarios.find(({ name }) => name === 'expire-hour') as Scenario;
    const head = toHead(scenario);
    const lines = stdout.split('\n').filter((line) => line !== '');
    const printed = lines.slice(-1 - policyNames.length);
    expect(printed.map((line) => line.split('\t'))).toEqual([
      [...head],
      ...rowsOf(scenario.title, head).slice(0, policyNames.length),
    ]);
  });

  test.each(['--pods 0', '--pods many', '--only nothing', '--write --limit 7', '--write --seed 2'])(
    'refuses %s',
    (options) => {
      const { status, stderr } = run(`npm run --silent fleet -- ${options}`);
      expect(status).toBe(2);
      expect(stderr).toBe(`not understood: ${options}; see --help\n`);
    },
  );
});

/** The rows of the table below a heading. */
function rowsOf(title: string, head: readonly string[]): readonly string[][] {
  const [, section = ''] = prose.split(`### ${title}\n`);
  return toRows(toDocument(title, section.split('\n### ')[0] ?? ''), head);
}
