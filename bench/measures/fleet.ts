import { setTimeout as delay } from 'node:timers/promises';
import { ask } from '../harness/http.ts';
import type { Launched } from '../harness/launch.ts';
import { rssAnonOf } from '../harness/proc.ts';
import { interleave, median, summarisePairs } from '../harness/statistics.ts';
import type { Lab } from '../lab.ts';
import { inMib, inMs, type Result, toRatioResult, toValueResult } from '../report/result.ts';

/** Coarse: the clients of so many servers share the cores with them. */
const pollMs = 5;
const sampleMs = 20;
const patienceMs = 60_000;
const mostBytes = 600 * 2 ** 20;

type Prepared = Launched & { readonly port: number };

/** What a node pays when all of its pods start at once, as after a drain or an upgrade. */
export async function measureFleet(lab: Lab): Promise<readonly Result[]> {
  const { counts } = lab;
  return [
    ...(await measureSize(lab, counts['fleet-size'], counts['fleet-rounds'], mostBytes)),
    ...(await measureSize(lab, counts['large-fleet-size'], counts['large-fleet-rounds'])),
  ];
}

/** @param atMostBytes bounds the peak of all; without a bound it is only stated. */
async function measureSize(
  lab: Lab,
  size: number,
  rounds: number,
  atMostBytes?: number,
): Promise<readonly Result[]> {
  const peaks: number[] = [];
  const measure = (prepare: () => Promise<Prepared>): Promise<Started> =>
    startTogether(size, prepare, lab.sdk.text());
  const ours = async (): Promise<number> => {
    const { lastMs, peakBytes } = await measure(() => lab.prepareProxy());
    peaks.push(peakBytes);
    return lastMs;
  };
  const bare = async (): Promise<number> => (await measure(lab.prepareBare)).lastMs;
  const summary = summarisePairs(await interleave(rounds, ours, bare));
  const upstream: Started[] = [];
  for (let round = 0; lab.prepareUpstream !== undefined && round < rounds; round += 1) {
    upstream.push(await measure(lab.prepareUpstream));
  }
  const ofUpstream = (figure: (started: Started) => number): number => median(upstream.map(figure));
  return [
    toRatioResult(
      {
        measure: `${size} at once: exec → last token`,
        method: `That many proxies exec at the same moment and each is asked for a token until it gives one; the time until the last has. In the column of the bare server stands the last first answer of as many bare servers.`,
        aim: '≤ 2.1× bare',
      },
      summary,
      inMs,
      2.1,
      [
        'With more starts than cores this is the CPU time of a start: see *exec → token in hand* for the part of undici.',
        ...(upstream.length > 0
          ? [
              `The Go proxy of azure-workload-identity: ${inMs(ofUpstream(({ lastMs }) => lastMs))}.`,
            ]
          : []),
      ],
    ),
    toValueResult(
      {
        measure: `${size} at once: peak anonymous memory of all`,
        method: `The sum of their anonymous pages (RssAnon), read every ${sampleMs} ms until a second after the last token.`,
        aim: atMostBytes === undefined ? 'stated' : `≤ ${atMostBytes / 2 ** 20} MiB`,
      },
      median(peaks),
      inMib,
      atMostBytes,
      [
        `Highest of ${peaks.length}: ${inMib(Math.max(...peaks))}.`,
        ...(upstream.length > 0
          ? [
              `The Go proxy of azure-workload-identity: ${inMib(ofUpstream(({ peakBytes }) => peakBytes))}.`,
            ]
          : []),
      ],
    ),
  ];
}

interface Started {
  /** From the exec to the last token. */
  readonly lastMs: number;
  readonly peakBytes: number;
}

async function startTogether(
  size: number,
  prepare: () => Promise<Prepared>,
  request: string,
): Promise<Started> {
  await using stack = new AsyncDisposableStack();
  const servers: Prepared[] = [];
  for (let count = 0; count < size; count += 1) servers.push(stack.use(await prepare()));

  const from = performance.now();
  for (const server of servers) server.start();
  let isOver = false;
  const last = Promise.all(servers.map(({ port }) => untilAnswered(port, request))).then(() => {
    const lastMs = performance.now() - from;
    return delay(1000).then(() => {
      isOver = true;
      return lastMs;
    });
  });
  let peakBytes = 0;
  while (!isOver) {
    const bytes = servers.reduce((sum, { pid }) => sum + rssAnonOf(pid), 0);
    peakBytes = Math.max(peakBytes, bytes);
    await Promise.race([delay(sampleMs), last]);
  }
  return { lastMs: await last, peakBytes };
}

/** Asks over and over until the answer is 200. */
async function untilAnswered(port: number, request: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    try {
      if ((await ask(port, request, patienceMs)).status === 200) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    }
    await delay(pollMs);
  }
  throw new Error(`port ${port} gave no answer`);
}
