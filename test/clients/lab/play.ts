/**
 * Plays the scenarios with one client, in the network namespace that it was started in. Its argument is an
 * Assignment as JSON; every line of its standard output is a Played.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ContentName, contents, isContentName } from './azure.ts';
import { clients } from './catalogue.ts';
import { type Client, canPlay, toScenario } from './client.ts';
import { setFault } from './entra-fault.ts';
import { findMissing } from './entra-share.ts';
import { type Judgement, judge } from './judge.ts';
import { createPod, type Pod } from './pod.ts';
import { runAsService } from './run-as-service.ts';
import { runBesideAzure } from './run-beside-azure.ts';
import { type ProgramOutcome, runProgram } from './run-program.ts';
import { type Scenario, type ScenarioName, usualScenarioNames } from './scenarios.ts';
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
  const isTapped = records || needsTap(client) || only?.includes('outage') === true;
  const tap = isTapped ? createTap() : undefined;
  const home = await mkdtemp(join(tmpdir(), 'clients-home-'));
  try {
    await using pod = await createPod(tap);
    for (const name of only ?? usualScenarioNames) {
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
  const scenario = toScenario(client, name);
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
    const outcomes = await run(client, [...command, ...args], { pod, home, content });
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

/** Runs a client's program among whatever it needs besides the metadata service. */
function run(
  { abilities, service }: Client,
  command: readonly string[],
  { pod, home, content }: Pick<Stage, 'pod' | 'home'> & { readonly content: Content | undefined },
): Promise<readonly ProgramOutcome[]> {
  if (content !== undefined || abilities.includes('login')) {
    return runBesideAzure(pod, command, home);
  }
  return service === undefined
    ? runProgram(command, { home })
    : runAsService(service, command, home);
}

/** Whether what is known of the client holds only by what it has sent. */
function needsTap({ caveats = {} }: Client): boolean {
  return Object.values(caveats).some(({ probeMs }) => probeMs !== undefined);
}

type Content = (typeof contents)[ContentName];

function toContent({ expected }: Scenario): Content | undefined {
  return isContentName(expected) ? contents[expected] : undefined;
}
