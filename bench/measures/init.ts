import { benchInit, type InitRow } from '../init.ts';
import type { Lab } from '../lab.ts';
import { inMs, notMeasured, type Result } from '../report/result.ts';

const method =
  'Runs of proxy-init, each in its own network namespace with a route for the metadata address; each is compared with the runs beside it (bench/init.ts).';

/** What the redirect costs the start of a pod. */
export async function measureInit({ counts }: Lab): Promise<readonly Result[]> {
  if (process.getuid?.() !== 0) {
    const row = { measure: 'proxy-init: exec to exit', method, aim: 'stated' };
    return [notMeasured(row, 'network namespaces need root')];
  }
  return toInitResults(await benchInit(counts['init-rounds']));
}

/** One result for each thing measured, however many others it is compared with. */
export function toInitResults(rows: readonly InitRow[]): readonly Result[] {
  const byMeasure = [...Map.groupBy(rows, ({ measure }) => measure)];
  return byMeasure.map(([measure, same]): Result => {
    const { value, unit } = same[0] as InitRow;
    return {
      measure,
      method,
      aim: 'stated',
      value: unit === 'ms' ? inMs(value) : `${value.toFixed(1)} MiB`,
      ratio: same.map(({ ratio, comparedTo }) => `${ratio.toFixed(2)}× ${comparedTo}`).join(', '),
      verdict: 'stated',
    };
  });
}
