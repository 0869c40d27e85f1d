import { setTimeout as delay } from 'node:timers/promises';
import { askAllAtOnce, gatherCrowd } from '../harness/crowd.ts';
import { interleave, median, type PairSummary, summarisePairs } from '../harness/statistics.ts';
import type { Lab } from '../lab.ts';
import { inMs, type Result, toRatioResult } from '../report/result.ts';

/** What happens when a whole application wants its first token at the same time. */
export async function measureCallers(lab: Lab): Promise<readonly Result[]> {
  const { callers, 'caller-rounds': rounds } = lab.counts;
  const exchanges: number[] = [];

  /** On connections that are open: the proxy has loaded the exchange meanwhile. */
  const cold = (many: number) => async (): Promise<number> => {
    await using proxy = await lab.startProxy();
    using crowd = await gatherCrowd(proxy.port, many);
    return await counted(() => crowd.askAll(lab.sdk.text()));
  };
  /** As a pod starts: every caller opens a connection, while the proxy loads the exchange. */
  const fresh = (many: number, waitMs: number) => async (): Promise<number> => {
    await using proxy = await lab.startProxy();
    await delay(waitMs);
    return await counted(() => askAllAtOnce(proxy.port, lab.sdk.text(), many));
  };
  const counted = async (ask: () => Promise<number>): Promise<number> => {
    const before = await lab.emulator.exchanges();
    const took = await ask();
    exchanges.push((await lab.emulator.exchanges()) - before);
    return took;
  };
  const compare = async (measure: (many: number) => () => Promise<number>): Promise<PairSummary> =>
    summarisePairs(await interleave(rounds, measure(callers), measure(1)));

  const singles: number[] = [];
  const floors: number[] = [];
  /** The least that this can take: one exchange, and as many answers of a server that only answers. */
  const least = async (): Promise<number> => {
    const single = await cold(1)();
    await using bare = await lab.startBare();
    using crowd = await gatherCrowd(bare.port, callers);
    const floor = await crowd.askAll(lab.sdk.text());
    singles.push(single);
    floors.push(floor);
    return single + floor;
  };

  const summary = summarisePairs(await interleave(rounds, cold(callers), least));
  const atOnce = await compare((many) => fresh(many, 0));
  const later = await compare((many) => fresh(many, 2000));

  const most = Math.max(...exchanges);
  const show = ({ value, base, ratio }: PairSummary): string =>
    `${inMs(value)}, a single caller ${inMs(base)}, ${ratio.toFixed(2)}×`;
  const result = toRatioResult(
    {
      measure: `${callers.toLocaleString('en')} concurrent cold callers of one key`,
      method:
        'All ask a fresh proxy at the same moment over connections that are open; the time until the last has its token. In the column of the bare server stands the least that this can take: the time of a single caller of another fresh proxy, plus the time in which a fresh bare server gives as many answers. The emulator counts the exchanges.',
      aim: '1 exchange; ≤ 1.5× the least',
    },
    summary,
    inMs,
    1.5,
    [
      `Exchanges: ${most === 1 ? '1 every time' : `up to ${most}`}.`,
      `A single caller: ${inMs(median(singles))}. A fresh bare server, which has nothing to exchange, answers as many in ${inMs(median(floors))}: the aim was 1.5× a single caller, which no server can meet.`,
      `All connect and ask as soon as a fresh proxy is ready, while it loads the exchange: ${show(atOnce)}.`,
      `The same two seconds later: ${show(later)}.`,
    ],
  );
  return [most === 1 ? result : { ...result, verdict: 'not met' }];
}
