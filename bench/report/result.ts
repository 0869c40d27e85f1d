import type { PairSummary } from '../harness/statistics.ts';

export type Verdict = 'met' | 'not met' | 'stated' | 'not measured';

/** One row of the report. */
export interface Result {
  readonly measure: string;
  /** How it is measured, in one sentence. */
  readonly method: string;
  readonly aim: string;
  readonly value: string;
  /** The bare server's, measured in the same run. */
  readonly bare?: string;
  readonly ratio?: string;
  readonly verdict: Verdict;
  /** Further figures, one a line. */
  readonly details?: readonly string[];
}

/** What every row says of itself before anything is measured. */
export interface Row {
  readonly measure: string;
  readonly method: string;
  readonly aim: string;
}

/** A row whose aim is an upper bound of the ratio to bare; without a bound the ratio is only stated. */
export function toRatioResult(
  row: Row,
  summary: PairSummary,
  format: (value: number) => string,
  atMost?: number,
  details: readonly string[] = [],
): Result {
  const [low, high] = summary.ratioSpread;
  return {
    ...row,
    value: format(summary.value),
    bare: format(summary.base),
    ratio: `${summary.ratio.toFixed(2)}× (${low.toFixed(2)}–${high.toFixed(2)})`,
    verdict: atMost === undefined ? 'stated' : judge(summary.ratio, atMost),
    details,
  };
}

/** A row whose aim is an upper bound of the value itself. */
export function toValueResult(
  row: Row,
  value: number,
  format: (value: number) => string,
  atMost?: number,
  details: readonly string[] = [],
): Result {
  return {
    ...row,
    value: format(value),
    verdict: atMost === undefined ? 'stated' : judge(value, atMost),
    details,
  };
}

/** A row that this machine cannot fill. */
export function notMeasured(row: Row, reason: string): Result {
  return { ...row, value: '–', verdict: 'not measured', details: [`Not measured: ${reason}.`] };
}

export function judge(value: number, atMost: number): Verdict {
  return value <= atMost ? 'met' : 'not met';
}

export const inMs = (ms: number): string => `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
export const inUs = (us: number): string => `${us.toFixed(1)} µs`;
export const inMib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
export const inPerSecond = (value: number): string => `${value.toFixed(2)} /s`;
