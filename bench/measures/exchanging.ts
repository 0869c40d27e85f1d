import { runConstantRate } from '../harness/constant-rate.ts';
import { interleave, summarisePairs } from '../harness/statistics.ts';
import type { Lab } from '../lab.ts';
import { inMs, type Result, toRatioResult } from '../report/result.ts';
import { askToken } from './first-token.ts';
import { connections } from './hits.ts';

const seconds = 3;
const exchangesPerSecond = 10;

/** Whether callers who are answered from memory notice the exchanges of others. */
export async function measureExchanging(lab: Lab): Promise<readonly Result[]> {
  const { counts, serverCpu: cpu, loadCpu, sdk } = lab;
  const rate = counts['exchanging-rate'];
  await using proxy = await lab.startProxy({ cpu });
  await askToken(lab, proxy.port);

  const window = async (): Promise<number> => {
    const { p99Ms } = await runConstantRate({
      ...{ port: proxy.port, request: sdk.text(), rate, connections, seconds },
      cpu: loadCpu,
    });
    return p99Ms;
  };
  let keys = 0;
  const windowWithExchanges = async (): Promise<number> => {
    const asked: Promise<unknown>[] = [];
    const timer = setInterval(() => {
      keys += 1;
      asked.push(askToken(lab, proxy.port, `https://key-${keys}.example`));
    }, 1000 / exchangesPerSecond);
    try {
      return await window();
    } finally {
      clearInterval(timer);
      await Promise.all(asked);
    }
  };

  const pairs = await interleave(counts['exchanging-windows'], windowWithExchanges, window);
  return [
    toRatioResult(
      {
        measure: `p99 of cached answers beside ${exchangesPerSecond} exchanges a second`,
        method: `${rate} cached requests a second, as in the row above, while a token for a new resource is asked for every ${1000 / exchangesPerSecond} ms; in the column of the bare server stands the same proxy without exchanges.`,
        aim: '≤ 1.2× quiet',
      },
      summarisePairs(pairs),
      inMs,
      1.2,
      [`${keys} exchanges in all.`],
    ),
  ];
}
