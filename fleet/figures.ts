import { quantile } from '../bench/harness/statistics.ts';
import type { ApplicationRecord } from './application.ts';
import type { EntraModel } from './entra-model.ts';
import type { Scenario } from './scenarios.ts';

/** What one run of a scenario has shown. */
export interface Figures {
  /** POSTs to Entra in each second from the beginning of the measurement. */
  readonly postsPerSecond: readonly number[];
  readonly posts: number;
  /** The second with the most. */
  readonly peakPerSecond: number;
  /** 99th percentile of the seconds in which Entra was asked at all. */
  readonly p99PerSecond: number;
  /** From a pod's start to its first token. */
  readonly firstToken: {
    readonly medianMs: number;
    readonly p99Ms: number;
    readonly lastMs: number;
    /** Pods that had none at the end. */
    readonly unserved: number;
  };
  /** After the end of the outage, if there is one: until the last pod has a token again. */
  readonly healedMs: number | undefined;
  /** How often an application had a token and then none. */
  readonly lost: number;
  /** Sum over all applications. */
  readonly withoutTokenMs: number;
}

export function toFigures(
  { fromMs, toMs, entra: { outage } }: Scenario,
  entra: EntraModel,
  records: readonly ApplicationRecord[],
): Figures {
  const postsPerSecond = entra.postsPerSecond.slice(fromMs / 1_000, toMs / 1_000);
  const busy = postsPerSecond.filter((count) => count > 0);
  const first = records.map(({ firstTokenMs }) => firstTokenMs).filter((ms) => ms !== undefined);
  const lastServedAtMs = records.reduce(
    (last, { servedAgainAtMs = 0 }) => Math.max(last, servedAgainAtMs),
    0,
  );
  return {
    postsPerSecond,
    posts: sum(postsPerSecond),
    peakPerSecond: busy.reduce((most, count) => Math.max(most, count), 0),
    p99PerSecond: busy.length === 0 ? 0 : quantile(busy, 0.99),
    firstToken: {
      medianMs: quantile(first, 0.5),
      p99Ms: quantile(first, 0.99),
      lastMs: quantile(first, 1),
      unserved: records.length - first.length,
    },
    healedMs: outage === undefined ? undefined : Math.max(0, lastServedAtMs - outage.toMs),
    lost: sum(records.map(({ losses }) => losses)),
    withoutTokenMs: sum(records.map((record) => record.withoutTokenMs)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
