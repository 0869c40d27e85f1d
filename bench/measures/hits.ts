import { assertSameBytes } from '../harness/bare.ts';
import { ask } from '../harness/http.ts';
import { onCpuNsOf } from '../harness/proc.ts';
import type { StartedServer } from '../harness/server.ts';
import { interleave, summarisePairs } from '../harness/statistics.ts';
import { runWrk } from '../harness/wrk.ts';
import type { Lab } from '../lab.ts';
import { inUs, type Result, toRatioResult } from '../report/result.ts';

export const connections = 32;

const row = {
  measure: 'CPU per cached answer',
  method:
    'Time on a CPU of all threads of the server (schedstat) by requests, while wrk on the other core keeps it busy over 32 keep-alive connections with the request that @azure/identity sends; log level info.',
  aim: '≤ 1.10× bare',
};

/** How much CPU a server spends on one cached answer. */
export async function measureHits(lab: Lab): Promise<readonly Result[]> {
  const { counts, serverCpu: cpu } = lab;
  await using proxy = await lab.startProxy({ cpu });
  await using bare = await lab.startBare({ cpu });
  await using second = await lab.startBare({ cpu });
  assertSameBytes(await ask(proxy.port, lab.sdk.text()), await ask(bare.port, lab.sdk.text()));

  for (const server of [proxy, bare, second]) await cpuPerHitUs(lab, server);
  const pairs = await interleave(
    counts['hit-windows'],
    () => cpuPerHitUs(lab, proxy),
    () => cpuPerHitUs(lab, bare),
  );
  const control = await interleave(
    Math.ceil(counts['hit-windows'] / 2),
    () => cpuPerHitUs(lab, second),
    () => cpuPerHitUs(lab, bare),
  );
  const noise = summarisePairs(control);
  return [
    toRatioResult(row, summarisePairs(pairs), inUs, 1.1, [
      `A second bare server in the proxy's place: ${noise.ratio.toFixed(2)}× (${noise.ratioSpread.map((ratio) => ratio.toFixed(2)).join('–')}), the noise of this measurement.`,
    ]),
  ];
}

/** Microseconds on a CPU for each answer, over one window of load. */
export async function cpuPerHitUs(
  { counts, loadCpu, sdk }: Lab,
  { pid, port }: StartedServer,
  script?: string,
): Promise<number> {
  const before = onCpuNsOf(pid);
  const { requests } = await runWrk({
    url: `http://127.0.0.1:${port}${sdk.path()}`,
    headers: sdk.headers,
    connections,
    seconds: counts['window-seconds'],
    cpu: loadCpu,
    script,
  });
  return (onCpuNsOf(pid) - before) / 1000 / requests;
}
