import { setTimeout as delay } from 'node:timers/promises';
import { memoryOf, voluntarySwitchesOf } from '../harness/proc.ts';
import type { StartedServer } from '../harness/server.ts';
import { median, type Pair, summarisePairs } from '../harness/statistics.ts';
import type { Lab } from '../lab.ts';
import {
  inMib,
  inPerSecond,
  judge,
  type Result,
  type Row,
  toRatioResult,
  toValueResult,
} from '../report/result.ts';
import { askToken } from './first-token.ts';

interface Group {
  readonly proxies: readonly StartedServer[];
  readonly bares: readonly StartedServer[];
}

/**
 * What a server costs that nobody asks: several of each kind idle side by side and nothing else runs, so
 * that the two minutes are waited for once.
 */
export async function measureIdle(lab: Lab): Promise<readonly Result[]> {
  const { counts } = lab;
  const seconds = counts['idle-seconds'];
  const minutes = `${seconds / 60} minutes`;
  await using stack = new AsyncDisposableStack();
  const startGroup = async (trust: boolean): Promise<Group> => {
    const group = { proxies: [] as StartedServer[], bares: [] as StartedServer[] };
    for (let count = 0; count < counts['idle-instances']; count += 1) {
      group.proxies.push(stack.use(await lab.startProxy({ trust })));
      group.bares.push(stack.use(await lab.startBare({ trust })));
    }
    return group;
  };

  const unasked = await startGroup(false);
  const asked = await startGroup(true);
  for (const { port } of asked.proxies) await askToken(lab, port);
  const everyone = [unasked, asked].flatMap(({ proxies, bares }) => [...proxies, ...bares]);
  await delay(seconds * 1000);
  const memory = {
    unasked: readMemory(unasked),
    asked: readMemory(asked),
  };
  const countingSeconds = counts['wake-up-seconds'];
  const before = everyone.map(({ pid }) => voluntarySwitchesOf(pid));
  const from = performance.now();
  await delay(countingSeconds * 1000);
  const elapsed = (performance.now() - from) / 1000;
  const wakeUps = new Map(
    everyone.map(({ pid }, index) => [
      pid,
      (voluntarySwitchesOf(pid) - (before[index] as number)) / elapsed,
    ]),
  );

  const wakeUpsOf = (servers: readonly StartedServer[]): number =>
    median(servers.map(({ pid }) => wakeUps.get(pid) as number));
  const proxies = [...unasked.proxies, ...asked.proxies];
  return [
    memoryResult(
      {
        measure: `anonymous memory, ${minutes} after start, no token asked`,
        method: `Anonymous pages of all processes of the proxy (smaps_rollup), ${counts['idle-instances']} of each side idling side by side.`,
        aim: 'stated',
      },
      memory.unasked,
      undefined,
    ),
    memoryResult(
      {
        measure: `anonymous memory, ${minutes} after the last exchange`,
        method: 'The same after one token has been asked for, directly after the start.',
        aim: '≤ 15.5 MiB',
      },
      memory.asked,
      15.5 * 2 ** 20,
    ),
    {
      ...toValueResult(
        {
          measure: 'wake-ups per second when idle',
          method: `Voluntary context switches of all threads over the ${countingSeconds} seconds that follow, divided by them.`,
          aim: '≤ 0.2',
        },
        wakeUpsOf(proxies),
        inPerSecond,
        0.2,
        [
          `Before a token: ${inPerSecond(wakeUpsOf(unasked.proxies))}; after one: ${inPerSecond(wakeUpsOf(asked.proxies))}.`,
        ],
      ),
      bare: inPerSecond(wakeUpsOf([...unasked.bares, ...asked.bares])),
    },
  ];
}

interface Memory {
  readonly ours: readonly ReturnType<typeof memoryOf>[];
  readonly theirs: readonly ReturnType<typeof memoryOf>[];
}

function readMemory({ proxies, bares }: Group): Memory {
  return {
    ours: proxies.map(({ pid }) => memoryOf(pid)),
    theirs: bares.map(({ pid }) => memoryOf(pid)),
  };
}

function memoryResult(row: Row, { ours, theirs }: Memory, mostBytes: number | undefined): Result {
  const pairs = ours.map(
    ({ anonymousBytes }, index): Pair => ({
      value: anonymousBytes,
      base: (theirs[index] as { anonymousBytes: number }).anonymousBytes,
    }),
  );
  const proportional = (uses: Memory['ours']): string =>
    inMib(median(uses.map(({ proportionalBytes }) => proportionalBytes)));
  const summary = summarisePairs(pairs);
  const result = toRatioResult(row, summary, inMib, undefined, [
    `PSS with all of these servers running: ${proportional(ours)}, bare ${proportional(theirs)}.`,
  ]);
  return mostBytes === undefined ? result : { ...result, verdict: judge(summary.value, mostBytes) };
}
