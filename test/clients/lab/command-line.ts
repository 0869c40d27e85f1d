import { parseArgs } from 'node:util';
import { clients } from './catalogue.ts';
import type { Client } from './client.ts';
import {
  type Scenario,
  type ScenarioName,
  scenarioNames,
  scenarios,
  usualScenarioNames,
} from './scenarios.ts';

export const help = `Usage: npm run test:clients -- [options]

  --only TEXT        only clients whose name holds TEXT; may be repeated
  --scenario NAME    only this scenario: ${scenarioNames.join(', ')};
                     outage takes 25 s or more, and is played only if it is named
  --quick            only clients that install within seconds
  --record           put a tap before the proxy and write test/fixtures/clients/requests
  --report           write the results to test/clients/laboratory.json and docs/compatibility.md
  --jobs N           so many clients at a time (1)
  --lock             choose the versions of what clients need anew, and write test/clients/locks
  --shard I/N        only the I-th of N parts of the clients, for N machines
  --newer            print which libraries have a newer release than the catalogue, and do nothing
  --list             print the clients and do nothing

Exit code 0: everything passed, or is explained. 1: something failed. 2: the options are wrong. 130: interrupted.
A client whose registry does not answer is skipped with the reason; so is one whose tools are missing, unless
CI=true.
`;

export interface CommandLine {
  readonly action: 'help' | 'list' | 'lock' | 'newer' | 'run';
  readonly clients: readonly Client[];
  readonly scenarios: readonly ScenarioName[];
  readonly jobs: number;
  readonly records: boolean;
  readonly reports: boolean;
}

/** @throws Error that says what is wrong: a run that does less than it was asked to must not look like a good one */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      scenario: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      jobs: { type: 'string', default: '1' },
      lock: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      newer: { type: 'boolean', default: false },
      shard: { type: 'string', default: '1/1' },
      help: { type: 'boolean', default: false },
    },
  });
  const { only, scenario, record, report } = values;
  if (record && report) {
    throw new Error('--report is of a run without a tap: no --record');
  }
  if (report && scenario.length > 0 && scenario.join() !== 'outage') {
    throw new Error('--report is of every usual scenario, or of --scenario outage alone');
  }
  if (record && scenario.length > 0) {
    throw new Error('--record takes the place of all that is recorded of a client: no --scenario');
  }
  if (!/^[1-9]\d*$/.test(values.jobs)) {
    throw new Error(`--jobs is a number from 1: ${values.jobs}`);
  }
  const names = scenario.length > 0 ? scenario.map(toScenarioName) : usualScenarioNames;
  return {
    action: toAction(values),
    clients: toShard(choose(only, values.quick), values.shard),
    scenarios: record ? names.filter(isWorthRecording) : names,
    jobs: Number(values.jobs),
    records: record,
    reports: report,
  };
}

function toAction(
  wishes: Readonly<Partial<Record<CommandLine['action'], boolean>>>,
): CommandLine['action'] {
  return (['help', 'list', 'newer', 'lock'] as const).find((name) => wishes[name]) ?? 'run';
}

/** Neighbours take about as long to install and to play, so they go to different parts. */
function toShard(eligible: readonly Client[], text: string): readonly Client[] {
  const [, part = '', parts = ''] = /^([1-9]\d*)\/([1-9]\d*)$/.exec(text) ?? [];
  if (part === '' || Number(part) > Number(parts)) {
    throw new Error(`--shard is a part and the number of parts, such as 2/4: ${text}`);
  }
  return eligible.filter((_, index) => index % Number(parts) === Number(part) - 1);
}

function choose(only: readonly string[], isQuickOnly: boolean): readonly Client[] {
  const eligible = clients.filter(({ isQuick = false }) => isQuick || !isQuickOnly);
  const strange = only.find((text) => !eligible.some(({ id }) => id.includes(text)));
  if (strange !== undefined)
    throw new Error(`--only ${strange} is in no client's name: see --list`);
  return eligible.filter(({ id }) => only.length === 0 || only.some((text) => id.includes(text)));
}

function toScenarioName(text: string): ScenarioName {
  const name = scenarioNames.find((one) => one === text);
  if (name === undefined)
    throw new Error(`--scenario ${text} is none of ${scenarioNames.join(', ')}`);
  return name;
}

/** In the others a client sends the same again, more often. */
function isWorthRecording(name: ScenarioName): boolean {
  const { fault, rounds, selectors }: Scenario = scenarios[name];
  return fault === undefined && rounds === undefined && selectors.length < 50;
}
