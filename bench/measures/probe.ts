import { launch } from '../harness/launch.ts';
import { dist } from '../harness/proxy.ts';
import { interleave, summarisePairs } from '../harness/statistics.ts';
import { type Lab, nodeOptions } from '../lab.ts';
import { inMs, type Result, toRatioResult } from '../report/result.ts';

const row = {
  measure: '`--probe`, exec → exit, proxy up',
  method:
    '`proxy --proxy-port=N --probe` against a proxy that is ready; in the column of the bare server stands `node -e 0`, started the same way.',
  aim: '≤ 1.3× `node -e 0`',
};

/** What a readiness probe of the kubelet takes. */
export async function measureProbe(lab: Lab): Promise<readonly Result[]> {
  await using proxy = await lab.startProxy({ trust: false });
  const pairs = await interleave(
    lab.counts.probes,
    () => runMs([`${dist}/proxy`, `--proxy-port=${proxy.port}`, '--probe']),
    () => runMs([process.execPath, '-e', '0']),
  );
  return [toRatioResult(row, summarisePairs(pairs), inMs, 1.3)];
}

async function runMs(command: readonly string[]): Promise<number> {
  await using launched = await launch({ command, env: { NODE_OPTIONS: nodeOptions } });
  const startedAt = launched.start();
  const { code, at } = await launched.exited;
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${launched.output()}`);
  return at - startedAt;
}
