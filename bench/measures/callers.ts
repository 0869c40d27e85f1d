import { setTimeout as delay } from 'node:timers/promises';
import { askAllAtOnce } from '../harness/crowd.ts';
import { interleave, median, repeat, summarisePairs } from '../harness/statistics.ts';
import type { Lab } from '../lab.ts';
import { inMs, type Result, toRatioResult } from '../report/result.ts';

/** What happens when a whole application wants its first token at the same time. */
export async function measureCallers(lab: Lab): Promise<readonly Result[]> {
  const { callers, 'caller-rounds': rounds } = lab.counts;
  const exchanges: number[] = [];
  const cold = (many: number, waitMs: number) => async (): Promise<number> => {
    await using proxy = await lab.startProxy();
    await delay(waitMs);
    const before = await lab.emulator.exchanges();
    const took = await askAllAtOnce(proxy.port, lab.sdk.text(), many);
    exchanges.push((await lab.emulator.exchanges()) - before);
    return took;
  };
  const atOnce = summarisePairs(await interleave(rounds, cold(callers, 0), cold(1, 0)));
  const later = summarisePairs(await interleave(rounds, cold(callers, 2000), cold(1, 2000)));
  const floor = await repeat(rounds, async () => {
    await using bare = await lab.startBare();
    return askAllAtOnce(bare.port, lab.sdk.text(), callers);
  });

  const most = Math.max(...exchanges);
  const result = toRatioResult(
    {
      measure: `${callers.toLocaleString('en')} concurrent cold callers of one key`,
      method:
        'All connect and ask as soon as a fresh proxy is ready; the time until the last has its token, against that of a single caller of another fresh proxy (in the column of the bare server). Exchanges are counted by the emulator.',
      aim: '1 exchange; ≤ 1.5× a single cold call',
    },
    atOnce,
    inMs,
    1.5,
    [
      `Exchanges: ${most === 1 ? '1 every time' : `up to ${most}`}.`,
      `With the proxy ready for 2 s, its exchanger waiting: ${inMs(later.value)}, a single caller ${inMs(later.base)}, ${later.ratio.toFixed(2)}×.`,
      `A fresh bare server, which has nothing to exchange, answers as many callers in ${inMs(median(floor))}.`,
    ],
  );
  return [most === 1 ? result : { ...result, verdict: 'not met' }];
}
