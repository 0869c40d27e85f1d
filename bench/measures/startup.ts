import { interleave, summarisePairs } from '../harness/statistics.ts';
import type { Lab } from '../lab.ts';
import { inMs, type Result, toRatioResult } from '../report/result.ts';

const row = {
  measure: 'exec → first answer',
  method:
    'A shell waits for a line and then execs the server, so that no fork is timed; `/readyz` is polled every 0.2 ms over new connections until it answers 200.',
  aim: '≤ 1.10× bare',
};

/** How long a server takes to its first answer. */
export async function measureStartup(lab: Lab): Promise<readonly Result[]> {
  const pairs = await interleave(
    lab.counts.starts,
    async () => {
      await using proxy = await lab.startProxy({ trust: false });
      return proxy.readyAt - proxy.startedAt;
    },
    () => bareStartMs(lab),
  );
  return [toRatioResult(row, summarisePairs(pairs), inMs, 1.1)];
}

/** Milliseconds from the bare server's exec to its first answer. */
export async function bareStartMs(lab: Lab): Promise<number> {
  await using bare = await lab.startBare({ trust: false });
  return bare.readyAt - bare.startedAt;
}
