import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { code, renderTable } from '../../../build/markdown-table.ts';
import { clients } from './catalogue.ts';
import type { Client } from './client.ts';
import type { Verdict } from './judge.ts';
import type { Played } from './play.ts';
import { type ScenarioName, scenarioNames, scenarios } from './scenarios.ts';

export type Outcome =
  | { readonly client: Client; readonly state: 'skipped'; readonly reason: string }
  | {
      readonly client: Client;
      readonly state: 'passed' | 'failed';
      readonly played: readonly Played[];
      readonly seconds: number;
    };

export interface Report {
  readonly seconds: number;
  readonly outcomes: readonly Outcome[];
}

/** What is kept of a run: no messages, which differ from run to run. */
export interface Laboratory {
  /** What the proxy was built from. */
  readonly proxyCommit: string;
  readonly seconds: number;
  /** Clients that could not be installed. */
  readonly skipped: readonly string[];
  readonly clients: Readonly<Record<string, Kept>>;
}

interface Kept {
  readonly seconds: number;
  readonly verdicts: Readonly<Partial<Record<ScenarioName, Verdict>>>;
  readonly ms: Readonly<Partial<Record<ScenarioName, number>>>;
}

const root = join(import.meta.dirname, '..', '..', '..');
export const laboratoryFile = join(root, 'test', 'fixtures', 'clients', 'laboratory.json');
export const documentFile = join(root, 'docs', 'compatibility.md');

const marks: Readonly<Record<Verdict, string>> = {
  passed: 'ok',
  caveat: 'own',
  failed: 'FAIL',
  'not offered': '–',
};

export function printOutcome(outcome: Outcome): void {
  const { client, state } = outcome;
  if (state === 'skipped') {
    console.log(`${client.id}: skipped: ${outcome.reason}`);
    return;
  }
  console.log(`${client.id}: ${state} in ${outcome.seconds} s`);
  for (const { scenario, verdict, ms, remark } of outcome.played) {
    if (verdict === 'not offered') continue;
    console.log(
      `  ${marks[verdict].padEnd(5)} ${scenario.padEnd(17)} ${`${ms}`.padStart(6)} ms  ${remark}`,
    );
  }
}

export function printSummary({ outcomes, seconds }: Report): void {
  const count = (state: Outcome['state']): number =>
    outcomes.filter((outcome) => outcome.state === state).length;
  const libraries = new Set(
    outcomes.flatMap(({ client, state }) =>
      state === 'passed' ? [`${client.language} ${client.library}`] : [],
    ),
  );
  const languages = new Set([...libraries].map((library) => library.split(' ')[0]));
  console.log(
    `\n${count('passed')} clients passed, ${count('failed')} failed, ${count('skipped')} skipped: ` +
      `${libraries.size} libraries in ${languages.size} languages, ${seconds} s`,
  );
}

/**
 * Keeps a run as it was, failures included, and writes the document anew.
 * @throws unless every client had its turn: results of several runs, or of several builds, do not mix
 */
export async function writeReport(
  { outcomes, seconds }: Report,
  proxyCommit: string,
): Promise<void> {
  if (outcomes.length !== clients.length) throw new Error('--report is of runs with every client');
  const laboratory: Laboratory = {
    proxyCommit,
    seconds,
    skipped: outcomes.flatMap(({ client, state }) => (state === 'skipped' ? [client.id] : [])),
    clients: Object.fromEntries(
      outcomes.flatMap((outcome) =>
        outcome.state === 'skipped' ? [] : [[outcome.client.id, toKept(outcome)]],
      ),
    ),
  };
  await mkdir(dirname(laboratoryFile), { recursive: true });
  await writeFile(laboratoryFile, `${JSON.stringify(laboratory, null, 2)}\n`);
  await writeFile(documentFile, renderDocument(laboratory));
}

function toKept({ played, seconds }: Extract<Outcome, { readonly seconds: number }>): Kept {
  return {
    seconds,
    verdicts: Object.fromEntries(played.map(({ scenario, verdict }) => [scenario, verdict])),
    ms: Object.fromEntries(
      played.flatMap(({ scenario, verdict, ms }) =>
        verdict === 'not offered' ? [] : [[scenario, ms]],
      ),
    ),
  };
}

export async function readLaboratory(): Promise<Laboratory> {
  return JSON.parse(await readFile(laboratoryFile, 'utf8')) as Laboratory;
}

/** docs/compatibility.md, of a run and the catalogue. */
export function renderDocument(laboratory: Laboratory): string {
  const libraries = new Set(clients.map(({ language, library }) => `${language} ${library}`));
  const languages = new Set(clients.map(({ language }) => language));
  const count = (verdict: Verdict): number =>
    Object.values(laboratory.clients)
      .flatMap(({ verdicts }) => Object.values(verdicts))
      .filter((one) => one === verdict).length;
  return `# Which clients work

This page is written by the laboratory, \`npm run test:clients -- --report\`. There every library runs
unchanged, by its public interface alone, in a network namespace of its own: it asks 169.254.169.254, the rules
of \`proxy-init\` redirect that to the built proxy, which runs as user 1501, and the proxy asks an emulated Entra.
Every token that a library hands out is checked for its signature, issuer, audience and client ID.

This is one run, of the proxy built from commit ${laboratory.proxyCommit.slice(0, 12)}, with ${Object.keys(laboratory.clients).length} of ${clients.length} clients
(${libraries.size} libraries in ${languages.size} languages) in ${Math.round(laboratory.seconds / 60)} minutes, two at a time on two busy cores. ${count('passed')} times a client
did as the scenario expects, ${count('caveat')} times otherwise in a way that is known of it (see below), and ${count('failed')} times neither.
Skipped: ${laboratory.skipped.join(', ') || 'none'}. What each client sends is kept in \`test/fixtures/clients/requests\` and asked
of the proxy again by \`npm test\`.

## Results

- **ok**: as expected.
- **own**: otherwise, as is known of this client; see [below](#what-clients-do-of-their-own-accord).
- **FAIL**: otherwise, and not explained.
- **–**: the library does not offer that.

${renderResults(laboratory)}

The columns:

${scenarioNames.map((name) => `- **${scenarios[name].title}**: ${scenarios[name].explanation}`).join('\n')}

## How long they take

Milliseconds from the start of the program to its end, the start of its runtime included, of the same run. Where
Entra is down for 3 seconds a client is done soon after that if it heeds \`Retry-After\`.

${renderTimes(laboratory)}

## What a refusal looks like

Where Entra refuses for good, as it does for a client ID that it does not know, the proxy answers 400 with Entra's
own words and a hint. What an application sees of that:

${renderRefusals()}

## What clients do of their own accord

The behaviour is what the laboratory has seen. Reasons that lie inside a library are read from its behaviour and
its messages, and not proven here. Some are seen now and then only, so that a run may show **ok** there.

${renderCaveats()}
`;
}

function renderResults(laboratory: Laboratory): string {
  return renderMatrix(laboratory, ({ verdicts }, scenario) => {
    const verdict = verdicts[scenario];
    return verdict === undefined ? '' : marks[verdict];
  });
}

function renderTimes(laboratory: Laboratory): string {
  return renderMatrix(laboratory, ({ ms }, scenario) => `${ms[scenario] ?? '–'}`);
}

function renderMatrix(
  laboratory: Laboratory,
  toCell: (kept: Kept, scenario: ScenarioName) => string,
): string {
  const rows = clients.flatMap((client) => {
    const kept = laboratory.clients[client.id];
    if (kept === undefined) return [];
    return [[toName(client), ...scenarioNames.map((scenario) => toCell(kept, scenario))]];
  });
  return renderTable(['Client', ...scenarioNames.map((name) => scenarios[name].title)], rows);
}

function renderRefusals(): string {
  const rows = clients.flatMap((client) => {
    if (client.refusal === undefined) return [];
    const { error, isExplained = true } = client.refusal;
    return [[toName(client), code(error), isExplained ? 'yes' : 'no']];
  });
  return renderTable(['Client', 'Error', 'Shows Entra’s words and the hint'], rows);
}

function renderCaveats(): string {
  return clients
    .flatMap((client) => {
      const caveats = Object.entries(client.caveats ?? {}).map(
        ([scenario, { because }]) =>
          `- **${scenarios[scenario as ScenarioName].title}**: ${because}`,
      );
      const lines = [...(client.remark === undefined ? [] : [client.remark, '']), ...caveats];
      return lines.length === 0 ? [] : [`### ${toName(client)}\n\n${lines.join('\n').trim()}`];
    })
    .join('\n\n');
}

function toName({ language, library, version, program }: Client): string {
  const short = library.split('/').slice(-1)[0] ?? library;
  const name = library.startsWith('@') ? library : short;
  const flavour = program.endsWith('-aio') ? ' (aio)' : '';
  return `${language}: ${name}${flavour} ${version}`;
}
