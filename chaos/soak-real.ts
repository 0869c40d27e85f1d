/**
 * `npm run soak:real`: the built proxy against the emulator in real time, with short-lived tokens and a federated
 * token that is replaced all the time. Every answer is checked; memory, descriptors and threads must not grow.
 *
 * Under load, memory goes up and down by more than a leak adds in minutes, because V8 collects when it likes. So the
 * load pauses now and then until the proxy has collected, and memory is compared between these moments.
 */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseAnswer } from '../bench/harness/http.ts';
import { rssAnonOf } from '../bench/harness/proc.ts';
import { startProxy } from '../bench/harness/proxy.ts';
import type { Point } from '../bench/harness/statistics.ts';
import { temporaryDirectory } from '../bench/harness/temporary-directory.ts';
import { imageEnv } from '../bench/lab.ts';
import { createEmulator } from '../src/emulator/emulator.ts';
import { describeGrowth, judgeGrowth } from './growth.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const KIB = 1_024;
/** A token with less life is a wrong answer. */
const SERVABLE_MS = 30 * SECOND_MS;
/** An answer that takes longer is one that waited. Renewals are in the background, so that none must. */
const WAITED_MS = 5 * SECOND_MS;
/** Short enough that each key is renewed several times in a quarter of an hour. */
const TOKEN_S = 720;
const KEYS = 45;
const CALLERS = 16;
const LOAD_MS = 60 * SECOND_MS;
/** The proxy collects when it has had no request for 10 s, and looks every 10 s. */
const REST_MS = 22 * SECOND_MS;
/** Not judged: the heap grows to its working size, and V8 compiles. */
const WARM_UP_SHARE = 0.3;
const PEAK_SAMPLE_MS = 5 * SECOND_MS;
const REST_SAMPLE_MS = 200;
/** 0.2 bytes for each answer, and less than a token and its answer for each renewal. */
const MOST_KIB_PER_HOUR = 1_024;
/** Less than a leak of one for each federated token. */
const MOST_FILES_PER_HOUR = 20;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '2000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`npm run soak:real -- [--minutes N] [--rate N]

  --minutes  real time, at least 10 (30)
  --rate     token requests a second (2000)
`);
  process.exit(0);
}
const [minutes, rate] = [Number(values.minutes), Number(values.rate)];
if (!(minutes >= 10) || !(rate >= 1)) {
  process.stderr.write(`not understood: ${process.argv.slice(2).join(' ')}; see --help\n`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const resources = Array.from({ length: KEYS }, (_, key) => `https://soak-${key}.example`);
const seen = { answers: 0, wrong: 0, waited: 0, tokens: 0, loadedMs: 0 };
const firstFaults: string[] = [];
/** When each token that was checked expires, by the token; the latest one of each resource only. */
const known = new Map<string, { readonly text: string; readonly expiresAtMs: number }>();

await using directory = await temporaryDirectory(tmpdir());
const emulator = await createEmulator({
  stateDirectory: directory.path,
  tokenLifetimeSeconds: TOKEN_S,
});
await using proxy = await startProxy({
  env: { ...emulator.describe().env, ...imageEnv },
  flags: ['--log-level=warning'],
});
const rotation = setInterval(() => void emulator.rotateTokenFile(), MINUTE_MS);
const startedAt = performance.now();

/** The proxy at rest, after each load. */
const rests = { memory: [] as Point[], descriptors: [] as Point[], threads: [] as Point[] };
/** The most memory that was seen under each load. */
const peaks: number[] = [];

const callers = await Promise.all(Array.from({ length: CALLERS }, (_, index) => open(index)));
while (performance.now() - startedAt + LOAD_MS + REST_MS <= minutes * MINUTE_MS) {
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, rssAnonOf(proxy.pid));
  }, PEAK_SAMPLE_MS);
  const loadedAt = performance.now();
  await Promise.all(callers.map((caller) => caller.load(loadedAt + LOAD_MS)));
  seen.loadedMs += performance.now() - loadedAt;
  clearInterval(sampling);
  peaks.push(peak);
  await callers[0]?.renew();
  const lowest = await findLowestMemory(REST_MS);
  const x = (performance.now() - startedAt) / HOUR_MS;
  rests.memory.push({ x, y: lowest / KIB });
  rests.descriptors.push({ x, y: countEntries('fd') });
  rests.threads.push({ x, y: countEntries('task') });
}
clearInterval(rotation);
for (const caller of callers) caller.close();
const exchanges = emulator.journal.entries().filter(({ method }) => method === 'POST').length;
report();
await emulator.stop();

/** The memory just after the collection. A renewal may come soon after, and leave garbage again. */
async function findLowestMemory(withinMs: number): Promise<number> {
  let lowest = Number.POSITIVE_INFINITY;
  for (const endAt = performance.now() + withinMs; performance.now() < endAt; ) {
    await delay(REST_SAMPLE_MS);
    lowest = Math.min(lowest, rssAnonOf(proxy.pid));
  }
  return lowest;
}

function countEntries(of: 'fd' | 'task'): number {
  return readdirSync(`/proc/${proxy.pid}/${of}`).length;
}

/** One application: asks over one connection at its share of the rate, for each resource in turn. */
interface Caller {
  load(untilMs: number): Promise<void>;
  /** Makes the proxy ask Entra, after which it collects as soon as it is quiet. */
  renew(): Promise<void>;
  close(): void;
}

async function open(index: number): Promise<Caller> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  await once(socket, 'connect');
  const everyMs = (CALLERS * SECOND_MS) / rate;
  let count = index;
  return {
    async load(untilMs) {
      for (let dueAt = performance.now(); performance.now() < untilMs; count += 1) {
        await check(socket, resources[count % KEYS] as string);
        // A machine that cannot keep up asks as fast as it can.
        dueAt = Math.max(dueAt + everyMs, performance.now() - SECOND_MS);
        const aheadMs = dueAt - performance.now();
        if (aheadMs > 1) await delay(aheadMs);
      }
    },
    renew: () => check(socket, resources[0] as string, '&bypass_cache=true'),
    close: () => socket.destroy(),
  };
}

/** Asks for a token and counts a fault of the answer. */
async function check(socket: Socket, resource: string, more = ''): Promise<void> {
  const askedAt = performance.now();
  const path = `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${resource}${more}`;
  const { status, body } = await exchangeMessages(
    socket,
    `GET ${path} HTTP/1.1\r\nHost: 169.254.169.254\r\nMetadata: true\r\n\r\n`,
  );
  seen.answers += 1;
  if (performance.now() - askedAt > WAITED_MS) seen.waited += 1;
  const fault = status === 200 ? findFault(resource, body) : `status ${status}: ${body}`;
  if (fault === undefined) return;
  seen.wrong += 1;
  if (firstFaults.length < 5) firstFaults.push(`${resource}: ${fault}`);
}

function exchangeMessages(
  socket: Socket,
  request: string,
): Promise<NonNullable<ReturnType<typeof parseAnswer>>> {
  return new Promise((resolve, reject) => {
    let text = '';
    const take = (chunk: string): void => {
      text += chunk;
      const answer = parseAnswer(text);
      if (answer === undefined) return;
      socket.off('data', take);
      socket.off('close', fail);
      resolve(answer);
    };
    const fail = (): void => reject(new Error('the proxy closed a connection without an answer'));
    socket.on('data', take);
    socket.once('close', fail);
    socket.write(request);
  });
}

/** @returns why it is not a token for the resource that can be used; undefined if it is */
function findFault(resource: string, body: string): string | undefined {
  const { access_token: text } = JSON.parse(body) as { readonly access_token: string };
  let token = known.get(resource);
  if (token?.text !== text) {
    const [, claims = ''] = text.split('.');
    const { aud, appid, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
      readonly aud: string;
      readonly appid: string;
      readonly exp: number;
    };
    if (aud !== resource) return `a token for ${aud}`;
    if (appid !== emulator.describe().identities[0]?.clientId) return `a token of ${appid}`;
    token = { text, expiresAtMs: exp * SECOND_MS };
    known.set(resource, token);
    seen.tokens += 1;
  }
  const leftMs = token.expiresAtMs - Date.now();
  return leftMs < SERVABLE_MS ? `a token with ${leftMs} ms of life` : undefined;
}

function report(): void {
  const judged = <T>(series: readonly T[]): readonly T[] =>
    series.slice(Math.floor(series.length * WARM_UP_SHARE));
  const last = (series: readonly Point[]): number => series.at(-1)?.y ?? 0;
  const memory = judgeGrowth(judged(rests.memory), MOST_KIB_PER_HOUR);
  const descriptors = judgeGrowth(judged(rests.descriptors), MOST_FILES_PER_HOUR);
  const threads = judgeGrowth(judged(rests.threads), MOST_FILES_PER_HOUR);
  const inCount = (value: number): string => Math.round(value).toLocaleString('en-US');
  const most = (series: readonly number[]): string => inCount(Math.max(...series) / KIB);
  process.stdout.write(
    [
      `${minutes} min, ${inCount((seen.answers * SECOND_MS) / seen.loadedMs)} requests a second under load, federated token replaced every minute`,
      `${inCount(seen.answers)} answers, ${seen.wrong} wrong, ${seen.waited} after more than ${WAITED_MS / SECOND_MS} s; ${exchanges} requests to Entra, ${seen.tokens} tokens`,
      `anonymous memory under load: at most ${most(peaks.slice(0, -judged(peaks).length))} KiB in the first ${inCount(WARM_UP_SHARE * 100)} %, ${most(judged(peaks))} KiB after that`,
      `… at rest, after the first ${inCount(WARM_UP_SHARE * 100)} %: ${inCount(last(rests.memory))} KiB at the end; ${describeGrowth(memory, 'KiB')}`,
      `descriptors: ${last(rests.descriptors)} at the end; ${describeGrowth(descriptors, 'files')}`,
      `threads: ${last(rests.threads)} at the end; ${describeGrowth(threads, 'threads')}`,
      ...firstFaults,
      '',
    ].join('\n'),
  );
  const isFlat = [memory, descriptors, threads].every(({ verdict }) => verdict === 'flat');
  process.exitCode = seen.wrong > 0 || seen.waited > 0 || !isFlat ? 1 : 0;
}
