/**
 * `npm run soak:real`: the built proxy against the emulator in real time, with short-lived tokens and a federated
 * token that is replaced all the time. Every answer is checked; memory, descriptors and threads must not grow.
 */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseAnswer } from '../bench/harness/http.ts';
import { rssAnonOf } from '../bench/harness/proc.ts';
import { startProxy } from '../bench/harness/proxy.ts';
import { fitLine, type Point } from '../bench/harness/statistics.ts';
import { temporaryDirectory } from '../bench/harness/temporary-directory.ts';
import { imageEnv } from '../bench/lab.ts';
import { createEmulator } from '../src/emulator/emulator.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** A token with less life is a wrong answer. */
const SERVABLE_MS = 30 * SECOND_MS;
/** An answer that takes longer is one that waited. Renewals are in the background, so that none must. */
const WAITED_MS = 5 * SECOND_MS;
/** Short enough that each key is renewed several times in a quarter of an hour. */
const TOKEN_S = 720;
const KEYS = 45;
const CALLERS = 16;
/** Not judged: the heap grows to its working size. */
const WARM_UP_SHARE = 0.3;
const SAMPLE_MS = 5 * SECOND_MS;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '2000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`npm run soak:real -- [--minutes N] [--rate N]

  --minutes  real time (30)
  --rate     token requests a second (2000)
`);
  process.exit(0);
}
const [minutes, rate] = [Number(values.minutes), Number(values.rate)];
if (!(minutes >= 1) || !(rate >= 1)) {
  process.stderr.write(`not understood: ${process.argv.slice(2).join(' ')}; see --help\n`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const resources = Array.from({ length: KEYS }, (_, key) => `https://soak-${key}.example`);
const seen = { answers: 0, wrong: 0, waited: 0, tokens: 0 };
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
const isOver = (): boolean => performance.now() - startedAt > minutes * MINUTE_MS;

const memory: Point[] = [];
const descriptors: Point[] = [];
const sampling = setInterval(() => {
  const x = performance.now() - startedAt;
  if (x < WARM_UP_SHARE * minutes * MINUTE_MS) return;
  memory.push({ x: x / HOUR_MS, y: rssAnonOf(proxy.pid) });
  descriptors.push({ x: x / HOUR_MS, y: readdirSync(`/proc/${proxy.pid}/fd`).length });
}, SAMPLE_MS);

await Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)));
clearInterval(rotation);
clearInterval(sampling);
const exchanges = emulator.journal.entries().filter(({ method }) => method === 'POST').length;
report();
await emulator.stop();

/** One application: asks over one connection at its share of the rate, for each resource in turn. */
async function call(caller: number): Promise<void> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  await once(socket, 'connect');
  let text = '';
  let take: (answer: NonNullable<ReturnType<typeof parseAnswer>>) => void = () => {};
  socket.on('data', (chunk: string) => {
    text += chunk;
    const answer = parseAnswer(text);
    if (answer === undefined) return;
    text = '';
    take(answer);
  });
  const everyMs = (CALLERS * SECOND_MS) / rate;
  let dueAt = performance.now();
  for (let count = caller; !isOver(); count += 1) {
    const resource = resources[count % KEYS] as string;
    const askedAt = performance.now();
    const { status, body } = await new Promise<{ status: number; body: string }>((resolve) => {
      take = resolve;
      const path = `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${resource}`;
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 169.254.169.254\r\nMetadata: true\r\n\r\n`);
    });
    seen.answers += 1;
    if (performance.now() - askedAt > WAITED_MS) seen.waited += 1;
    const fault = status === 200 ? findFault(resource, body) : `status ${status}: ${body}`;
    if (fault !== undefined) {
      seen.wrong += 1;
      if (firstFaults.length < 5) firstFaults.push(`${resource}: ${fault}`);
    }
    // A machine that cannot keep up asks as fast as it can.
    dueAt = Math.max(dueAt + everyMs, performance.now() - SECOND_MS);
    const aheadMs = dueAt - performance.now();
    if (aheadMs > 1) await delay(aheadMs);
  }
  socket.destroy();
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
  const inKib = (bytes: number): string => `${(bytes / 1_024).toFixed(0)} KiB`;
  const bytes = fitLine(memory);
  const files = fitLine(descriptors);
  const isFlat = bytes.slope - bytes.confidence <= 0 && files.slope - files.confidence <= 0;
  const perSecond = Math.round(seen.answers / ((performance.now() - startedAt) / SECOND_MS));
  process.stdout.write(
    [
      `${minutes} min at ${perSecond.toLocaleString('en-US')} requests a second, federated token replaced every minute`,
      `${seen.answers.toLocaleString('en-US')} answers, ${seen.wrong} wrong, ${seen.waited} after more than ${WAITED_MS / SECOND_MS} s; ${exchanges} requests to Entra, ${seen.tokens} tokens`,
      `anonymous memory: ${inKib(memory.at(-1)?.y ?? 0)} at the end; ${inKib(bytes.slope)} an hour, 95 % confidence ± ${inKib(bytes.confidence)}`,
      `descriptors: ${descriptors.at(-1)?.y} at the end; ${files.slope.toFixed(1)} an hour, ± ${files.confidence.toFixed(1)}`,
      ...firstFaults,
      '',
    ].join('\n'),
  );
  process.exitCode = seen.wrong > 0 || seen.waited > 0 || !isFlat ? 1 : 0;
}
