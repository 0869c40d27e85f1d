/**
 * `npm run soak`: three days of a busy pod in fake time. Every answer is checked, and the heap must not grow.
 * Needs `--expose-gc`.
 */
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { toKeyed } from '../src/proxy/token/token-source.ts';
import type { Logger } from '../src/shared/logger.ts';
import { createSeededRandom } from '../test/support/seeded-random.ts';
import { createChaosEntra } from './entra.ts';
import { createActiveFaults } from './faults.ts';
import { describeGrowth, judgeGrowth } from './growth.ts';
import { createPodTime } from './pod-time.ts';
import { startProcess } from './proxy.ts';
import { createTokenFile } from './token-file.ts';

const SECOND_MS = 1_000;
const HOUR_S = 3_600;
/** A token with less life is a wrong answer. */
const SERVABLE_MS = 30 * SECOND_MS;
const WARM_UP_HOURS = 24;
/** As many keys as make a renewal every minute. */
const KEYS = 45;
/** 75 bytes for each renewal: less than the smallest thing with a token in it, more than V8's own growth. */
const MOST_BYTES_PER_HOUR = 4_096;

const requests = Array.from({ length: KEYS }, (_, key) =>
  toKeyed({
    identity: {
      tenantId: '11111111-1111-4111-8111-111111111111',
      clientId: 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa',
    },
    resource: `https://hour-${key}.example`,
  }),
);

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '72' },
    rate: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(`npm run soak -- [--hours N] [--rate N] [--seed N]

  --hours  fake time, at least 6 (72)
  --rate   token requests a second (2000)
  --seed   where the random numbers begin (1)
`);
  process.exit(0);
}

const [hours, rate, seed] = [values.hours, values.rate, values.seed].map(Number) as [
  number,
  number,
  number,
];
if (!(hours >= 6) || !(rate >= 1) || !Number.isInteger(seed) || globalThis.gc === undefined) {
  process.stderr.write(`not understood: ${process.argv.slice(2).join(' ')}; see --help\n`);
  process.exit(2);
}

const random = createSeededRandom(seed);
const time = createPodTime();
const faults = createActiveFaults();
const entra = createChaosEntra(time, faults, random);
let lines = 0;
const countLine = (): void => {
  lines += 1;
};
const logger: Logger = { isEnabled: (level) => level !== 'trace', log: countLine };
const tokenFile = createTokenFile(time, faults);
const proxy = startProcess({ time, faults, entra, tokenFile, logger, random }, 'federation');
faults.begin('assertion/rotated-every-minute');

const collect: () => void = globalThis.gc;

/** What callers have seen since the warm-up. */
const seen = { answers: 0, wrong: 0, waited: 0 };

/** One second of requests, spread over the keys. */
function askForASecond(): void {
  for (let count = 0; count < rate; count += 1) {
    const request = requests[count % requests.length];
    if (request === undefined) continue;
    const token = proxy.source.peek(request.key);
    if (token === undefined) {
      seen.waited += 1;
      proxy.source.get(request).catch(() => {
        seen.wrong += 1;
      });
      continue;
    }
    seen.answers += 1;
    const record = entra.issued.get(token.accessToken);
    const isRight =
      record?.scope === `${request.resource}/.default` &&
      record.clientId === request.identity.clientId &&
      record.expiresAtMs - time.trueMs >= SERVABLE_MS;
    if (!isRight) seen.wrong += 1;
  }
}

/** The heap after each of so many hours. */
async function runHours(count: number): Promise<readonly number[]> {
  const heap: number[] = [];
  for (let second = 1; second <= count * HOUR_S; second += 1) {
    await time.runUntil(time.monotonicMs() + SECOND_MS);
    askForASecond();
    if (second % 60 === 0) await proxy.checkReadiness();
    if (second % HOUR_S !== 0) continue;
    entra.forgetExpired();
    // Node cleans up after aborted signals in turns of the event loop, which fake time does not take.
    collect();
    await setImmediate();
    collect();
    heap.push(process.memoryUsage().heapUsed);
  }
  return heap;
}

// The first hours fill caches up to their bounds, and let V8 compile.
await runHours(WARM_UP_HOURS);
Object.assign(seen, { answers: 0, wrong: 0, waited: 0 });
const postsBefore = entra.posts;
const linesBefore = lines;
const heap = await runHours(hours);
proxy.stop();

const growth = judgeGrowth(
  heap.map((y, x) => ({ x, y })),
  MOST_BYTES_PER_HOUR,
);
process.stdout.write(
  [
    `${hours} h at ${rate.toLocaleString('en-US')} requests a second, federated token replaced every minute`,
    `${seen.answers.toLocaleString('en-US')} answers, ${seen.wrong} wrong, ${seen.waited} after a wait; ${entra.posts - postsBefore} requests to Entra; ${lines - linesBefore} log lines`,
    `heap: ${(heap.at(-1) ?? 0).toLocaleString('en-US')} bytes at the end; ${describeGrowth(growth, 'bytes')}`,
    '',
  ].join('\n'),
);
process.exitCode = seen.wrong > 0 || seen.waited > 0 || growth.verdict !== 'flat' ? 1 : 0;
