/**
 * `npm run chaos:real`: random faults against the built proxy and the emulator, in a separate network namespace and
 * in real time. Exits with 1 if a promise is not kept. The clocks and the libraries have their faults in
 * `npm run chaos`, where time is fake.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ask } from '../bench/harness/http.ts';
import { rssAnonOf } from '../bench/harness/proc.ts';
import { startProxy } from '../bench/harness/proxy.ts';
import { temporaryDirectory } from '../bench/harness/temporary-directory.ts';
import { imageEnv } from '../bench/lab.ts';
import { createEmulator } from '../src/emulator/emulator.ts';
import type { Fault as EntraFault } from '../src/emulator/faults/fault.ts';
import { createSeededRandom } from '../test/support/seeded-random.ts';
import { promises } from './promises.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const MIB = 1_024 * 1_024;
/** Short enough that tokens are renewed during the run, long enough that some need no renewal. */
const TOKEN_S = 480;
const CALLERS = 6;
const PAUSE_MS = 200;
/** What "at once" means on a machine that others use as well. */
const AT_ONCE_MS = 3 * SECOND_MS;
/** The default limit of the manifests. */
const MOST_MEMORY = 128 * MIB;
/** Connections that a fault has opened are closed by then. */
const MOST_DESCRIPTORS_HEALED = 100;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string' },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
if (values.help || !(minutes >= 1) || !Number.isInteger(seed)) {
  process.stdout.write(`npm run chaos:real -- [--minutes N] [--seed N] [--only FAULT]

  --minutes  for how long, at least 1; then everything must heal (5)
  --seed     the faults and their times; a failure prints its own (the time)
  --only     play this fault alone, again and again
`);
  process.exit(values.help ? 0 : 2);
}
enterNamespace();

const random = createSeededRandom(seed);
const breaches: string[] = [];
const counts = { answers: 0, errors: 0, refused: 0, restarts: 0 };
const startedAt = performance.now();
const sinceStart = (): string => `${((performance.now() - startedAt) / SECOND_MS).toFixed(1)} s`;
function breach(what: string): void {
  breaches.push(`${sinceStart()}: ${what} (during: ${[...active].join(', ') || 'nothing'})`);
}

/** When the token that was served last expires, by its resource. */
const known = new Map<string, number>();
const active = new Set<string>();
await using directory = await temporaryDirectory(tmpdir());
const posts = new Map<string, number>();
const emulator = await createEmulator({
  stateDirectory: directory.path,
  tokenLifetimeSeconds: TOKEN_S,
  onRequest({ method, scope }) {
    if (method === 'POST') posts.set(String(scope), (posts.get(String(scope)) ?? 0) + 1);
  },
});
const entraPort = new URL(emulator.authorityHost).port;
const start = () =>
  startProxy({ env: { ...emulator.describe().env, ...imageEnv }, flags: ['--log-level=warning'] });
let proxy = await start();
/** While the proxy starts again nobody answers, and a new process has no tokens. */
let isStarting = false;
let pausedUntilMs = 0;

interface RealFault {
  begin(): void | Promise<void>;
  end?(): void | Promise<void>;
}

const entra = (effect: EntraFault['effect']): RealFault => ({
  begin: () => emulator.faults.add({ effect }),
  end: () => emulator.faults.clear(),
});
const file = (write: () => Promise<void>): RealFault => ({
  begin: write,
  end: () => emulator.rotateTokenFile(),
});
const packets = (verdict: string): RealFault => ({
  begin: () => nft(`add rule inet chaos output tcp dport ${entraPort} ${verdict}`),
  end: () => nft('flush chain inet chaos output'),
});
let opened: Socket[] = [];
const openConnections = (count: number, text: string): void => {
  for (let index = 0; index < count; index += 1) {
    const socket = connect({ port: proxy.port, host: '127.0.0.1' }).on('error', () => {});
    socket.resume().write(text.replace('N', String(Math.floor(random() * 1e9))));
    opened.push(socket);
  }
};
const crowd = (count: number, text: string): RealFault => ({
  begin: () => openConnections(count, text),
  end() {
    for (const socket of opened) socket.destroy();
    opened = [];
  },
});

const faults: Readonly<Record<string, RealFault>> = {
  'entra/unavailable': entra({ kind: 'server-error', status: 503 }),
  'entra/throttled': entra({ kind: 'throttle', retryAfterSeconds: 5 }),
  'entra/gateway-page': entra({ kind: 'html', status: 502 }),
  'entra/truncated': entra({ kind: 'truncated' }),
  'entra/reset': entra({ kind: 'reset' }),
  'entra/hangs': entra({ kind: 'hang' }),
  'entra/slow': entra({ kind: 'delay', delayMs: 3_000 }),
  'entra/not-propagated': entra({ kind: 'not-propagated' }),
  'entra/empty': entra({ kind: 'empty' }),
  'entra/malformed': entra({ kind: 'malformed-json' }),
  'assertion/missing': file(() => rm(emulator.tokenFile, { force: true })),
  'assertion/empty': file(() => writeFile(emulator.tokenFile, '')),
  'assertion/garbage': file(() => writeFile(emulator.tokenFile, 'not a token')),
  'assertion/huge': file(() => writeFile(emulator.tokenFile, 'x'.repeat(2 * MIB))),
  'assertion/rotated': { begin: () => emulator.rotateTokenFile() },
  'network/dropped': packets('drop'),
  'network/refused': packets('reject with tcp reset'),
  'network/half-lost': packets('numgen random mod 2 == 0 drop'),
  'callers/many-resources': crowd(300, toRequest('https://crowd-N.example')),
  'callers/half-a-request': crowd(150, 'GET /metadata/identity/oauth2/token?resource=N HTT'),
  'callers/bypass-cache': crowd(50, toRequest('https://steady-0.example&bypass_cache=true')),
  'restart/killed': { begin: () => restart('SIGKILL') },
  'restart/stopped': { begin: () => restart('SIGTERM') },
  'restart/frozen': {
    async begin() {
      pausedUntilMs = Number.POSITIVE_INFINITY;
      process.kill(proxy.pid, 'SIGSTOP');
      await delay(4 * SECOND_MS);
      process.kill(proxy.pid, 'SIGCONT');
      pausedUntilMs = performance.now() + AT_ONCE_MS;
    },
  },
};
const names = Object.keys(faults).filter(
  (name) => values.only === undefined || name === values.only,
);
if (names.length === 0) {
  process.stderr.write(`no such fault: ${values.only}; known: ${Object.keys(faults).join(', ')}\n`);
  process.exit(2);
}

nft('add table inet chaos');
nft('add chain inet chaos output { type filter hook output priority 0 ; }');
let isOver = false;
const callers = Array.from({ length: CALLERS }, (_, index) => call(index));
const bounds = setInterval(lookAtBounds, SECOND_MS);
const rates = setInterval(lookAtRates, MINUTE_MS);
// One renewal of the federated token every minute, as in the soak.
const rotation = setInterval(() => {
  if (![...active].some((name) => name.startsWith('assertion/'))) void emulator.rotateTokenFile();
}, MINUTE_MS);

while (performance.now() - startedAt < minutes * MINUTE_MS) {
  const lasting = 1 + Math.floor(random() * 2);
  const chosen = Array.from(
    { length: lasting },
    () => names[Math.floor(random() * names.length)] as string,
  );
  await Promise.all(chosen.map((name) => playFault(name, (2 + random() * 18) * SECOND_MS)));
  await delay(random() * 4 * SECOND_MS);
}
const calmAt = performance.now();
await heal();
isOver = true;
await Promise.all(callers);
for (const timer of [bounds, rates, rotation]) clearInterval(timer);

process.stdout.write(
  `seed ${seed}, ${minutes} min: ${counts.answers} tokens, ${counts.errors} errors, ${counts.refused} refused connections, ${counts.restarts} restarts; ${breaches.length} promises broken\n${breaches.map((line) => `  ${line}\n`).join('')}`,
);
await proxy[Symbol.asyncDispose]();
await emulator.stop();
process.exit(breaches.length > 0 ? 1 : 0);

/** Becomes a program in a new network namespace, with its loopback up. */
function enterNamespace(): void {
  if (process.env['CHAOS_NAMESPACE'] === 'own') return;
  const inside = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
  const { status, error } = spawnSync(
    'unshare',
    ['--net', ...inside, process.execPath, ...process.argv.slice(1), `--seed=${seed}`],
    { stdio: 'inherit', env: { ...process.env, CHAOS_NAMESPACE: 'own' } },
  );
  if (error !== undefined) throw error;
  process.exit(status ?? 1);
}

function nft(command: string): void {
  const { status, stderr } = spawnSync('nft', command.split(' '), { encoding: 'utf8' });
  if (status !== 0) throw new Error(`nft ${command}: ${stderr}`);
}

async function playFault(name: string, forMs: number): Promise<void> {
  const fault = faults[name];
  // One at a time of each kind: the end of one would end another.
  const kind = name.split('/')[0] as string;
  if (fault === undefined || [...active].some((other) => other.startsWith(`${kind}/`))) return;
  active.add(name);
  await fault.begin();
  if (fault.end !== undefined) {
    await delay(forMs);
    await fault.end();
  }
  active.delete(name);
}

async function restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  isStarting = true;
  counts.restarts += 1;
  process.kill(proxy.pid, signal);
  await proxy.exited;
  proxy = await start();
  known.clear();
  isStarting = false;
}

function toRequest(resource: string): string {
  const path = `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${resource}`;
  return `GET ${path} HTTP/1.1\r\nHost: 169.254.169.254\r\nMetadata: true\r\nConnection: close\r\n\r\n`;
}

/** One application, which asks for one resource again and again. */
async function call(index: number): Promise<void> {
  const resource = `https://steady-${index}.example`;
  while (!isOver) {
    await delay(PAUSE_MS);
    if (isStarting) continue;
    const process = proxy;
    const askedAt = performance.now();
    const leftMs = (known.get(resource) ?? 0) - Date.now();
    const isComfortable = leftMs > promises.comfortableMs + promises.answerMs;
    const answer = await ask(
      process.port,
      toRequest(resource),
      promises.answerMs + AT_ONCE_MS,
    ).catch((error: Error) => error);
    // Of a process that has been ended meanwhile, or was frozen.
    if (isStarting || process !== proxy || performance.now() < pausedUntilMs) continue;
    const tookMs = performance.now() - askedAt;
    if (answer instanceof Error) {
      counts.refused += 1;
      breach(`${resource} got no answer: ${answer.message}`);
      continue;
    }
    if (tookMs > promises.answerMs + AT_ONCE_MS) breach(`${resource} waited ${tookMs} ms`);
    if (isComfortable && tookMs > AT_ONCE_MS)
      breach(`${resource} waited ${Math.round(tookMs)} ms with a live token`);
    if (answer.status === 200) takeToken(resource, answer.body);
    else {
      counts.errors += 1;
      if (isComfortable)
        breach(`${resource} got ${answer.status} with a live token: ${answer.body}`);
    }
  }
}

function takeToken(resource: string, body: string): void {
  counts.answers += 1;
  const { access_token: text } = JSON.parse(body) as { readonly access_token: string };
  const claims = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()) as {
    readonly aud: string;
    readonly exp: number;
  };
  if (claims.aud !== resource) breach(`${resource} got a token for ${claims.aud}`);
  const expiresAtMs = claims.exp * SECOND_MS;
  if (expiresAtMs - Date.now() < promises.servableMs - SECOND_MS) {
    breach(`${resource} got a token with ${expiresAtMs - Date.now()} ms of life`);
  }
  known.set(resource, expiresAtMs);
}

function lookAtBounds(): void {
  if (isStarting) return;
  const bytes = rssAnonOf(proxy.pid);
  if (bytes > MOST_MEMORY) breach(`${Math.round(bytes / MIB)} MiB of memory`);
}

function lookAtRates(): void {
  for (const [scope, count] of posts) {
    if (count > promises.postsPerMinute) breach(`${count} POSTs in a minute for ${scope}`);
  }
  posts.clear();
}

/** Waits until every steady caller is served again. */
async function heal(): Promise<void> {
  const resources = Array.from(
    { length: CALLERS },
    (_, index) => `https://steady-${index}.example`,
  );
  for (const resource of resources) {
    for (;;) {
      const answer = await ask(proxy.port, toRequest(resource)).catch(() => undefined);
      if (answer?.status === 200) break;
      if (performance.now() - calmAt > promises.healedMs) {
        breach(`${resource} has no token ${promises.healedMs} ms after the last fault`);
        break;
      }
      await delay(SECOND_MS);
    }
  }
  // Connections of clients that say nothing are closed within half a minute.
  await delay(35 * SECOND_MS);
  const descriptors = readdirSync(`/proc/${proxy.pid}/fd`).length;
  if (descriptors > MOST_DESCRIPTORS_HEALED)
    breach(`${descriptors} descriptors after all has healed`);
}
