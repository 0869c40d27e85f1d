/**
 * Plays the scenarios with one client, in the network namespace that it was started in. Its argument is an
 * Assignment as JSON; every line of its standard output is a Played.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ContentName, contents } from './azure.ts';
import { clients } from './catalogue.ts';
import { type Client, canPlay } from './client.ts';
import { setFault } from './entra-fault.ts';
import { findMissing } from './entra-share.ts';
import { type Judgement, judge } from './judge.ts';
import { createPod, type Pod } from './pod.ts';
import { runBesideAzure } from './run-beside-azure.ts';
import { runProgram } from './run-program.ts';
import { type Scenario, type ScenarioName, scenarioNames, scenarios } from './scenarios.ts';
import { toSeen } from './seen.ts';
import { toArgument } from './selector.ts';
import { createTap, type RecordedRequest, type Tap } from './tap.ts';

export interface Assignment {
  readonly clientId: string;
  readonly command: readonly string[];
  /** Whether to put a tap before the proxy. */
  readonly records: boolean;
  readonly only?: readonly ScenarioName[];
}

export interface Played extends Judgement {
  readonly scenario: ScenarioName;
  readonly ms: number;
  readonly requests: readonly RecordedRequest[];
}

if (import.meta.main) await play(JSON.parse(process.argv[2] ?? '{}') as Assignment);

async function play({ clientId, command, records, only }: Assignment): Promise<void> {
  const client = clients.find(({ id }) => id === clientId);
  if (client === undefined) throw new Error(`there is no client ${clientId}`);
  const tap = records || needsTap(client) ? createTap() : undefined;
  const home = await mkdtemp(join(tmpdir(), 'clients-home-'));
  try {
    await using pod = await createPod(tap);
    for (const name of only ?? scenarioNames) {
      const played = await playOne(client, name, { pod, command, tap, home });
      console.log(JSON.stringify(played));
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

interface Stage {
  readonly pod: Pod;
  readonly command: readonly string[];
  readonly tap: Tap | undefined;
  readonly home: string;
}

async function playOne(
  client: Client,
  name: ScenarioName,
  { pod, command, tap, home }: Stage,
): Promise<Played> {
  if (!canPlay(client, name)) {
    return { scenario: name, ms: 0, requests: [], ...judge(client, name, []) };
  }
  const scenario: Scenario = scenarios[name];
  // A resource of its own for every scenario is a cache of its own.
  const content = toContent(scenario);
  const resource =
    content?.address ?? client.onlyResource ?? `https://${name.toLowerCase()}.vault.azure.net`;
  if (scenario.isCold || client.onlyResource !== undefined) await pod.restart(scenario);
  const endFault = setFault(pod, scenario);
  tap?.take();
  const startedAt = performance.now();
  try {
    const selectors = scenario.selectors.map((selector) => toArgument(pod, selector));
    const { credential, rounds = 1 } = scenario;
    const args = [credential, `${rounds}`, resource, ...selectors];
    const needsAzure = content !== undefined || client.abilities.includes('login');
    const outcomes = needsAzure
      ? await runBesideAzure(pod, [...command, ...args], home)
      : await runProgram([...command, ...args], { home });
    const ms = Math.round(performance.now() - startedAt);
    const seen = await Promise.all(
      outcomes.map((outcome, index) =>
        toSeen(pod.emulator, outcome, {
          resource,
          selector: scenario.selectors[Math.floor(index / rounds)] ?? 'default',
        }),
      ),
    );
    const requests = tap?.take() ?? [];
    const missing = findMissing(scenario, pod.emulator.journal.entries());
    const judgement: Judgement =
      missing === undefined
        ? judge(client, name, seen, requests)
        : { verdict: 'failed', remark: missing };
    return { scenario: name, ms, requests, ...judgement };
  } catch (error) {
    const remark = error instanceof Error ? error.message : String(error);
    const ms = Math.round(performance.now() - startedAt);
    return { scenario: name, ms, requests: tap?.take() ?? [], verdict: 'failed', remark };
  } finally {
    endFault();
  }
}

/** Whether what is known of the client holds only by what it has sent. */
function needsTap({ caveats = {} }: Client): boolean {
  return Object.values(caveats).some(({ probeMs }) => probeMs !== undefined);
}

function toContent({ expected }: Scenario): (typeof contents)[ContentName] | undefined {
  return expected === 'secret' || expected === 'blob' ? contents[expected] : undefined;
}
