/** Evaluates the alert rules of docs/metrics.md with promtool, on what the metrics show in each scenario. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type AllMetrics, createMetrics } from '../../../src/proxy/metrics/metrics.ts';
import type { CacheStatus } from '../../../src/proxy/token/cache-status.ts';
import { findProgram } from '../../support/find-program.ts';
import { describeUnless } from '../../support/skip.ts';

const promtool = findProgram('promtool');
const document = readFileSync(join(import.meta.dirname, '../../../docs/metrics.md'), 'utf8');
const rules = /```yaml\n(groups:\n.*?)```/s.exec(document)?.[1] ?? '';

const cache: CacheStatus = {
  tokens: 0,
  entries: 0,
  exchangesRunning: 0,
  earliestExpiresAtSeconds: undefined,
  earliestFailingExpiresAtSeconds: undefined,
  failing: [],
};

/** What a proxy does within one minute; undefined while it is not running, and then begins at zero. */
type Minute = ((metrics: AllMetrics) => void) | undefined;

interface Scenario {
  /** Label values of the pod in each minute; one pod unless told otherwise. */
  readonly podAt?: (minute: number) => string;
  readonly minuteAt: (minute: number) => Minute;
  readonly hasDefaultIdentity?: boolean;
}

/** The series that a Prometheus with a scrape a minute has, in promtool's notation. */
function toSeries(
  { podAt = () => 'a', minuteAt, hasDefaultIdentity = true }: Scenario,
  minutes: number,
): readonly { readonly series: string; readonly values: string }[] {
  const series = new Map<string, string[]>();
  let metrics: AllMetrics | undefined;
  let nowMs = 0;
  for (let minute = 0; minute <= minutes; minute += 1) {
    const act = minuteAt(minute);
    if (act === undefined) {
      metrics = undefined;
      continue;
    }
    // Half a minute before the scrape, as on average.
    nowMs = (minute * 60 - 30) * 1_000;
    metrics ??= createMetrics(() => nowMs);
    act(metrics);
    const state = { cache, hasDefaultIdentity, aadstsNumbers: new Set<number>() };
    for (const { name, read } of metrics.table) {
      for (const sample of read(state)) {
        const labels = { namespace: 'n', pod: podAt(minute), ...sample.labels };
        const text = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
        const key = `${sample.metricName ?? name}{${text.join()}}`;
        const values = series.get(key) ?? Array.from({ length: minutes + 1 }, () => '_');
        values[minute] = String(sample.value);
        series.set(key, values);
      }
    }
  }
  return [...series].map(([key, values]) => ({ series: key, values: values.join(' ') }));
}

/** The alerts that fire at a minute of a scenario. */
function firingAt(scenario: Scenario, minute: number): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'alerts-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'rules.yaml'), rules);
  const input = {
    rule_files: ['rules.yaml'],
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: toSeries(scenario, minute),
        // No alert is expected, so that promtool fails and lists those that it got.
        promql_expr_test: [
          { expr: 'ALERTS{alertstate="firing"}', eval_time: `${minute}m`, exp_samples: [] },
        ],
      },
    ],
  };
  writeFileSync(join(folder, 'test.yaml'), JSON.stringify(input));
  const { status, stdout, stderr } = spawnSync(
    promtool ?? 'promtool',
    ['test', 'rules', 'test.yaml'],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  );
  if (status === 0) return [];
  const names = [...`${stdout}${stderr}`.matchAll(/alertname="(\w+)"/g)].map(
    ([, name = '']) => name,
  );
  if (names.length === 0) throw new Error(`promtool failed: ${stdout}${stderr}`);
  return [...new Set(names)];
}

const refused = (metrics: AllMetrics): void => metrics.exchange('rejected', 100, 700_213);
const idle = (): void => {};

describeUnless(promtool === undefined ? 'promtool is not installed' : undefined, 'alerts', () => {
  test.each<[string, Scenario]>([
    [
      'an application that asks every 30 minutes',
      { minuteAt: (minute) => (minute % 30 === 1 ? refused : idle) },
    ],
    [
      'a container that is restarted after each failure, with a wait of 5 minutes',
      { minuteAt: (minute) => (minute % 6 === 1 ? refused : undefined) },
    ],
    [
      'a Job whose pods fail one after the other',
      {
        podAt: (minute) => `job-${Math.floor(minute / 6)}`,
        minuteAt: (minute) => (minute % 6 === 1 ? refused : undefined),
      },
    ],
    [
      'one identity that fails every 10 minutes among requests that need no exchange',
      { minuteAt: (minute) => (minute % 10 === 1 ? refused : (metrics) => metrics.cache('hit')) },
    ],
  ])('ImdsProxyExchangesFail fires for %s', (_, scenario) => {
    for (const minute of [15, 29, 47, 60]) {
      expect(firingAt(scenario, minute)).toEqual(['ImdsProxyExchangesFail']);
    }
  });

  test.each<[string, Scenario, number]>([
    ['a proxy that was never asked', { minuteAt: () => idle }, 60],
    [
      'a failure that a retry made good',
      {
        minuteAt: (minute) =>
          minute === 5
            ? (metrics) => {
                refused(metrics);
                metrics.exchange('success', 100);
              }
            : idle,
      },
      30,
    ],
    [
      'an outage that ended',
      {
        minuteAt: (minute) =>
          minute < 20 ? refused : (metrics) => metrics.exchange('success', 100),
      },
      21,
    ],
    [
      'one failure more than an hour ago',
      { minuteAt: (minute) => (minute === 1 ? refused : idle) },
      75,
    ],
  ])('none fires for %s', (_, scenario, minute) => {
    expect(firingAt(scenario, minute)).toEqual([]);
  });

  test('ImdsProxyNoIdentity fires for a pod without a client ID whose application asks', () => {
    const asks = {
      minuteAt: (minute: number): Minute => (minute === 0 ? (it) => it.denied('identity') : idle),
    };
    expect(firingAt({ ...asks, hasDefaultIdentity: false }, 5)).toEqual(['ImdsProxyNoIdentity']);
    expect(firingAt(asks, 5)).toEqual([]);
    expect(firingAt({ minuteAt: () => idle, hasDefaultIdentity: false }, 5)).toEqual([]);
  });

  test('ImdsProxyFederatedTokenExpired fires only while exchanges fail', () => {
    const withExpired =
      (result: 'success' | 'assertion_error') =>
      (metrics: AllMetrics): void => {
        metrics.assertionSeen(60);
        metrics.exchange(result, 100);
      };
    expect(firingAt({ minuteAt: () => withExpired('assertion_error') }, 20)).toContain(
      'ImdsProxyFederatedTokenExpired',
    );
    expect(firingAt({ minuteAt: () => withExpired('success') }, 20)).toEqual([]);
  });

  test('ImdsProxyThrottled and ImdsProxyDenied fire for what they count', () => {
    expect(firingAt({ minuteAt: () => (it) => it.exchange('throttled', 1) }, 20)).toContain(
      'ImdsProxyThrottled',
    );
    expect(firingAt({ minuteAt: () => (it) => it.denied('host') }, 20)).toEqual([
      'ImdsProxyDenied',
    ]);
  });
});
