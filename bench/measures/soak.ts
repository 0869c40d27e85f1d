import { setTimeout as delay } from 'node:timers/promises';
import { memoryOf } from '../harness/proc.ts';
import type { StartedServer } from '../harness/server.ts';
import { summarisePairs } from '../harness/statistics.ts';
import { runWrk } from '../harness/wrk.ts';
import type { Lab } from '../lab.ts';
import { inMib, type Result, toRatioResult } from '../report/result.ts';
import { askToken } from './first-token.ts';
import { connections } from './hits.ts';

const restSeconds = 15;

/** What a server holds on to after much work. */
export async function measureSoak(lab: Lab): Promise<readonly Result[]> {
  const { serverCpu: cpu, counts } = lab;
  await using proxy = await lab.startProxy({ cpu });
  await using bare = await lab.startBare({ cpu });
  await askToken(lab, proxy.port);
  const ours = await soak(lab, proxy);
  const theirs = await soak(lab, bare);
  return [
    toRatioResult(
      {
        measure: `anonymous memory after ${counts['soak-hits'].toLocaleString('en')} hits`,
        method: `wrk over ${connections} keep-alive connections until that many answers have been given, then ${restSeconds} s of rest; both heaps capped by the flags above.`,
        aim: '≤ 2× bare',
      },
      summarisePairs([{ value: ours.rested, base: theirs.rested }]),
      inMib,
      2,
      [`At the end of the load: ${inMib(ours.loaded)}, bare ${inMib(theirs.loaded)}.`],
    ),
  ];
}

async function soak(
  { counts, loadCpu, sdk }: Lab,
  { pid, port }: StartedServer,
): Promise<{ readonly loaded: number; readonly rested: number }> {
  for (let hits = 0; hits < counts['soak-hits']; ) {
    const { requests } = await runWrk({
      url: `http://127.0.0.1:${port}${sdk.path()}`,
      headers: sdk.headers,
      connections,
      seconds: 2,
      cpu: loadCpu,
    });
    hits += requests;
  }
  const loaded = memoryOf(pid).anonymousBytes;
  await delay(restSeconds * 1000);
  return { loaded, rested: memoryOf(pid).anonymousBytes };
}
