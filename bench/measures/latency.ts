import { type Latencies, runConstantRate } from '../harness/constant-rate.ts';
import { ask } from '../harness/http.ts';
import type { StartedServer } from '../harness/server.ts';
import { interleave, median, summarisePairs } from '../harness/statistics.ts';
import type { Lab } from '../lab.ts';
import { inMs, type Result, toRatioResult } from '../report/result.ts';
import { connections } from './hits.ts';

const seconds = 3;

/** How late cached answers come at a load that both servers carry with ease. */
export async function measureLatency(lab: Lab): Promise<readonly Result[]> {
  const { counts, serverCpu: cpu, loadCpu, sdk } = lab;
  const rate = counts['latency-rate'];
  await using proxy = await lab.startProxy({ cpu });
  await using bare = await lab.startBare({ cpu });
  await ask(proxy.port, sdk.text());

  const medians = { proxy: [] as number[], bare: [] as number[] };
  const window = async (server: StartedServer, keep: number[]): Promise<number> => {
    const { p50Ms, p99Ms }: Latencies = await runConstantRate({
      ...{ port: server.port, request: sdk.text(), rate, connections, seconds },
      cpu: loadCpu,
    });
    keep.push(p50Ms);
    return p99Ms;
  };
  const pairs = await interleave(
    counts['latency-windows'],
    () => window(proxy, medians.proxy),
    () => window(bare, medians.bare),
  );
  const row = {
    measure: 'p99 of cached answers at equal load',
    method: `Our own generator (bench/programs/constant-rate.ts) sends ${rate} requests a second over ${connections} keep-alive connections from the other core; a latency counts from the instant at which the request was due.`,
    aim: 'stated; near bare',
  };
  return [
    toRatioResult(row, summarisePairs(pairs), inMs, undefined, [
      `p50: ${inMs(median(medians.proxy))}, bare ${inMs(median(medians.bare))}.`,
    ]),
  ];
}
