/**
 * Plays the scenarios with one client, in the network namespace that it was started in. Its argument is an
 * Assignment as JSON; every line of its standard output is a Played.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { clients } from './catalogue.ts';
import { type Client, canPlay } from './client.ts';
import { type Judgement, judge, type Seen } from './judge.ts';
import { createPod, type Pod } from './pod.ts';
import {
  type Scenario,
  type ScenarioName,
  type SelectorName,
  scenarioNames,
  scenarios,
} from './scenarios.ts';
import { createTap, type RecordedRequest, type Tap } from './tap.ts';
import { secret, startVault, vaultHost } from './vault.ts';

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

/** After this no client may still wait: the slowest tries for about a minute. */
const programDeadlineMs = 100_000;
const downMs = 3_000;

const unknownClientId = '99999999-9999-4999-8999-999999999999';

if (import.meta.main) await play(JSON.parse(process.argv[2] ?? '{}') as Assignment);

async function play({ clientId, command, records, only }: Assignment): Promise<void> {
  const client = clients.find(({ id }) => id === clientId);
  if (client === undefined) throw new Error(`there is no client ${clientId}`);
  const tap = records ? createTap() : undefined;
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
  const isVault = scenario.expected === 'secret';
  const resource = isVault
    ? `https://${vaultHost}`
    : (client.onlyResource ?? `https://${name.toLowerCase()}.vault.azure.net`);
  if (scenario.isCold || client.onlyResource !== undefined) await pod.restart(scenario);
  const endFault = setFault(pod, scenario);
  tap?.take();
  const startedAt = performance.now();
  try {
    const selectors = scenario.selectors.map((selector) => toArgument(pod, selector));
    const { credential, rounds = 1 } = scenario;
    const args = [credential, `${rounds}`, resource, ...selectors];
    const outcomes = isVault
      ? await runBesideVault(pod, [...command, ...args], home)
      : await run([...command, ...args], { home });
    const ms = Math.round(performance.now() - startedAt);
    const seen = await Promise.all(
      outcomes.map((outcome, index) =>
        toSeen(pod, outcome, {
          resource,
          selector: scenario.selectors[Math.floor(index / rounds)] ?? 'default',
        }),
      ),
    );
    const requests = tap?.take() ?? [];
    return { scenario: name, ms, requests, ...judge(client, name, seen) };
  } catch (error) {
    const remark = error instanceof Error ? error.message : String(error);
    const ms = Math.round(performance.now() - startedAt);
    return { scenario: name, ms, requests: tap?.take() ?? [], verdict: 'failed', remark };
  } finally {
    endFault();
  }
}

/** The fault holds from the first request that meets it: a runtime may take seconds to start. */
function setFault({ emulator: { faults, journal } }: Pod, { fault }: Scenario): () => void {
  faults.clear();
  journal.clear();
  if (fault === undefined) return () => {};
  const { effect, requests } = fault;
  faults.replace([requests === undefined ? { effect } : { effect, requests }]);
  if (requests !== undefined) return () => faults.clear();
  let meetsAt: number | undefined;
  const timer = setInterval(() => {
    if (
      meetsAt === undefined &&
      journal.entries().some(({ outcome }) => outcome?.fault !== undefined)
    ) {
      meetsAt = performance.now();
    }
    if (meetsAt !== undefined && performance.now() - meetsAt >= downMs) faults.clear();
  }, 20);
  return () => {
    clearInterval(timer);
    faults.clear();
  };
}

function toArgument({ emulator }: Pod, selector: SelectorName): string {
  const [orders, reports] = emulator.identities.list();
  switch (selector) {
    case 'default':
      return 'default';
    case 'clientId':
      return `client_id=${orders?.clientId}`;
    case 'otherClientId':
      return `client_id=${reports?.clientId}`;
    case 'objectId':
      return `object_id=${reports?.objectId}`;
    case 'resourceId':
      return `resource_id=${reports?.resourceId}`;
    case 'secret':
      return `secret=${secret.name}`;
    case 'unknownClientId':
      return `client_id=${unknownClientId}`;
  }
}

interface ProgramOutcome {
  readonly token?: string;
  readonly error?: string;
  readonly message?: string;
}

/** With a vault on this namespace's port 443, whose name and CA the program is made to know. */
async function runBesideVault(
  { emulator }: Pod,
  command: readonly string[],
  home: string,
): Promise<readonly ProgramOutcome[]> {
  await using vault = await startVault(emulator);
  const [caFile, hostsFile] = [join(home, 'vault-ca.crt'), join(home, 'hosts')];
  await writeFile(caFile, vault.caPem);
  await writeFile(hostsFile, `127.0.0.1 localhost ${vaultHost}\n`);
  // A mount namespace, so that only this program sees the file of hosts.
  const mount = `mount --bind '${hostsFile}' /etc/hosts && exec "$@"`;
  return await run(['unshare', '--mount', 'sh', '-c', mount, 'sh', ...command], {
    home,
    // Each runtime has a variable of its own for this.
    extraEnv: { NODE_EXTRA_CA_CERTS: caFile, REQUESTS_CA_BUNDLE: caFile, SSL_CERT_FILE: caFile },
  });
}

async function run(
  [program = '', ...args]: readonly string[],
  {
    home,
    extraEnv = {},
  }: { readonly home: string; readonly extraEnv?: Readonly<Record<string, string>> },
): Promise<readonly ProgramOutcome[]> {
  // Variables of Azure's libraries would send them elsewhere.
  const env = { PATH: process.env['PATH'], HOME: home, LANG: 'C.UTF-8', ...extraEnv };
  const child = spawn(program, args, {
    env,
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: programDeadlineMs,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as readonly ProgramOutcome[];
  } catch {
    const tail = stderr.trim().split('\n').slice(-8).join('\n');
    throw new Error(`${program} printed no outcome: ${stdout.slice(0, 400)}\n${tail}`);
  }
}

async function toSeen(
  pod: Pod,
  { token, error, message = '' }: ProgramOutcome,
  { resource, selector }: { readonly resource: string; readonly selector: SelectorName },
): Promise<Seen> {
  if (error !== undefined) return { kind: 'error', error, message };
  if (selector === 'secret') {
    return token === secret.value
      ? { kind: 'secret' }
      : { kind: 'wrong', why: `the secret was ${token}` };
  }
  if (token === 'fallback') return { kind: 'fallback' };
  const [orders, reports] = pod.emulator.identities.list();
  const isOrders = selector === 'default' || selector === 'clientId';
  const clientId = (isOrders ? orders : reports)?.clientId ?? '';
  const why = await pod.findFault(token ?? '', resource, clientId);
  return why === undefined ? { kind: 'token' } : { kind: 'wrong', why };
}
