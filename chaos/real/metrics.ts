/** Compares the proxy's metrics with the answers that callers got. */
import { promises } from '../promises.ts';

/** The counts that metrics are compared with. */
export interface AnswerCounts {
  readonly answers: Map<number, number>;
  /** Requests without an answer yet. */
  outstanding: number;
  /** Requests that the caller gave up or that lost their connection: the proxy may have answered them. */
  lost: number;
}

export function toAnswerCounts(): AnswerCounts {
  return { answers: new Map(), outstanding: 0, lost: 0 };
}

/**
 * Compares the metric of answered token requests with the answers that callers got.
 * @param before the answers that had arrived before the look
 * @param now all that may have been answered by now
 */
export function findMetricsBreach(
  metrics: string,
  before: ReadonlyMap<number, number>,
  now: AnswerCounts,
): string | undefined {
  const counted = readTokenAnswers(metrics);
  for (const [status, least] of before) {
    const count = counted.get(status) ?? 0;
    if (count < least) return `the metric counts ${count} answers ${status}, callers got ${least}`;
  }
  const total = [...counted.values()].reduce((sum, count) => sum + count, 0);
  const answered = [...now.answers.values()].reduce((sum, count) => sum + count, 0);
  const most = answered + now.outstanding + now.lost;
  if (total > most) return `the metric counts ${total} answers, callers sent ${most} requests`;
  const entries = readSample(metrics, 'imds_proxy_token_cache_entries');
  return entries > promises.entries ? `${entries} entries` : undefined;
}

function readTokenAnswers(metrics: string): ReadonlyMap<number, number> {
  const counted = new Map<number, number>();
  for (const [, labels = '', value] of metrics.matchAll(
    /^imds_proxy_http_requests_total\{([^}]*)\} (\d+)/gm,
  )) {
    const status = /code="(\d+)"/.exec(labels)?.[1];
    if (labels.includes('route="token"')) counted.set(Number(status), Number(value));
  }
  return counted;
}

/** The value of a metric without labels; 0 if it is not there. */
export function readSample(metrics: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? 0);
}
