import { setTimeout as delay } from 'node:timers/promises';
import { median, repeat } from '../harness/statistics.ts';
import type { Lab } from '../lab.ts';
import { inMs, notMeasured, type Result, type Row, toValueResult } from '../report/result.ts';
import { askToken } from './first-token.ts';

const cpuMilli = 100;

const firstRow: Row = {
  measure: 'first token 2 s after start, CPU quota 100m',
  method:
    'The proxy in a control group with 10 ms of CPU in every 100 ms, from the exec on; the emulator and the client outside.',
  aim: '≤ 0.6 s',
};
const newKeyRow: Row = {
  measure: 'a new key after a quiet moment, CPU quota 100m',
  method:
    'In the same control group: a token for another resource, asked for ten seconds after the first, when the connection to Entra has been closed.',
  aim: '≤ 0.6 s',
};

/** What exchanges take when the pod has a tenth of a core. */
export async function measureQuota(lab: Lab): Promise<readonly Result[]> {
  const { cgroups, counts } = lab;
  if (typeof cgroups === 'string') {
    return [firstRow, newKeyRow].map((row) => notMeasured(row, cgroups));
  }
  const firsts: number[] = [];
  const newKeys = await repeat(counts['quota-rounds'], async () => {
    await using cgroup = cgroups({ cpuMilli });
    await using proxy = await lab.prepareProxy({ cgroupProcs: cgroup.procs });
    proxy.start();
    await delay(2000);
    firsts.push(await askToken(lab, proxy.port));
    await delay(10_000);
    // Awaited here: the proxy ends when this scope does.
    return await askToken(lab, proxy.port, 'https://storage.azure.com/');
  });
  const worst = (values: readonly number[]): string =>
    `Worst of ${values.length}: ${inMs(Math.max(...values))}.`;
  return [
    toValueResult(firstRow, median(firsts), inMs, 600, [worst(firsts)]),
    toValueResult(newKeyRow, median(newKeys), inMs, 600, [worst(newKeys)]),
  ];
}
