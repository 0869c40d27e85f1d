/**
 * The laboratory: real libraries, unchanged, each in a network namespace with the redirect, the built proxy
 * and an emulated Entra. `--help` says how to use it.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { clients } from './lab/catalogue.ts';
import type { Client } from './lab/client.ts';
import { lock } from './lab/install.ts';
import type { Outcome, Report } from './lab/outcome.ts';
import type { Played } from './lab/play.ts';
import { prepare } from './lab/prepare.ts';
import { printOutcome, printSummary } from './lab/print.ts';
import { writeRecording } from './lab/recording.ts';
import { writeReport } from './lab/report.ts';
import { runClient } from './lab/run-client.ts';
import { type Scenario, type ScenarioName, scenarioNames, scenarios } from './lab/scenarios.ts';

const help = `Usage: npm run test:clients -- [options]

  --only TEXT        only clients whose name holds TEXT; may be repeated
  --scenario NAME    only this scenario: ${scenarioNames.join(', ')}
  --quick            only clients that install within seconds
  --record           put a tap before the proxy and write test/fixtures/clients/requests
  --report           write the results to test/fixtures/clients/laboratory.json and docs/compatibility.md
  --jobs N           so many clients at a time (1)
  --lock             choose the versions of what clients need anew, and write test/fixtures/clients/locks
  --list             print the clients and do nothing

Exit code 0: everything passed, or is explained. A client whose registry does not answer is skipped with the
reason; so is one whose tools are missing, unless CI=true.
`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    scenario: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '1' },
    lock: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const chosen = clients.filter(
  ({ id, isQuick = false }) =>
    (isQuick || !options.quick) &&
    (options.only.length === 0 || options.only.some((text) => id.includes(text))),
);
const only = scenarioNames.filter(
  (name) =>
    (options.scenario.length === 0 || options.scenario.includes(name)) &&
    (!options.record || isWorthRecording(scenarios[name])),
);

if (options.help) console.log(help);
else if (options.list) for (const { id } of chosen) console.log(id);
else if (options.lock) for (const client of chosen) await lock(client);
else process.exitCode = await runAll();

function readProxyCommit(): string {
  const proxy = join(import.meta.dirname, '..', '..', 'dist', 'proxy');
  const version = execFileSync(process.execPath, [proxy, '--version'], { encoding: 'utf8' });
  return (JSON.parse(version) as { readonly gitCommit: string }).gitCommit;
}

/** What breaks before a client's first request is a failure of this client alone. */
function toBroken(error: unknown): readonly Played[] {
  const remark = error instanceof Error ? error.message : String(error);
  return [{ scenario: 'default', ms: 0, requests: [], verdict: 'failed', remark }];
}

/** In the others a client sends the same again, more often. */
function isWorthRecording({ fault, rounds, selectors }: Scenario): boolean {
  return fault === undefined && rounds === undefined && selectors.length < 50;
}

async function runAll(): Promise<number> {
  if (chosen.length === 0 || only.length === 0) throw new Error('there is nothing to do');
  const startedAt = performance.now();
  const outcomes = new Map<Client, Outcome>();
  const jobs = Number(options.jobs);
  const queue = [...chosen];
  const work = async (): Promise<void> => {
    for (let client = queue.shift(); client !== undefined; client = queue.shift()) {
      const outcome = await runOne(client, only);
      outcomes.set(client, outcome);
      printOutcome(outcome);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const report: Report = {
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    jobs,
    outcomes: chosen.flatMap((client) => outcomes.get(client) ?? []),
  };
  printSummary(report);
  if (options.report) await writeReport(report, readProxyCommit());
  return report.outcomes.some(({ state }) => state === 'failed') ? 1 : 0;
}

async function runOne(client: Client, names: readonly ScenarioName[]): Promise<Outcome> {
  const prepared = await prepare(client);
  if (prepared.state === 'skipped') return { client, ...prepared };
  if (prepared.state === 'failed') {
    return { client, state: 'failed', played: toBroken(prepared.reason), seconds: 0 };
  }
  const startedAt = performance.now();
  const played = await runClient(client, {
    command: prepared.command,
    records: options.record,
    only: names,
  }).catch(toBroken);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  if (options.record) await writeRecording(client, played);
  const isWhole = played.length === names.length;
  const isFine = isWhole && played.every(({ verdict }) => verdict !== 'failed');
  return { client, state: isFine ? 'passed' : 'failed', played, seconds };
}
