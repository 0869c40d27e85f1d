/** Evaluates rule files with promtool, on series that the proxy's own metrics would show. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AllMetrics,
  createMetrics,
  type MetricsState,
  type TokenFileStatus,
} from '../../src/proxy/metrics/metrics.ts';
import type { CacheStatus } from '../../src/proxy/token/cache-status.ts';
import { findProgram } from './find-program.ts';

export const promtool = findProgram('promtool');
export const withoutPromtool = promtool === undefined ? 'promtool is not installed' : undefined;

/** What a proxy does within one minute; undefined while it is not running, and then begins at zero. */
export type Minute = ((metrics: AllMetrics) => void) | undefined;

/** What the pods of a namespace do, minute by minute, from the second 0 of time on. */
export interface Scenario {
  /** What the proxy does. It runs and does nothing if this is not set. */
  readonly minuteAt?: (minute: number) => Minute;
  /** The name of the pod; one pod `a` unless told otherwise. */
  readonly podAt?: (minute: number) => string;
  /** The state of the proxy besides its counters. */
  readonly stateAt?: (minute: number) => Partial<MetricsState>;
  /** Series of other programs, as they stand in a query, with their values. */
  readonly others?: (minute: number) => Readonly<Record<string, number | undefined>>;
}

/** Some time after that, `minute` on. */
export const secondsAt = (minute: number): number => minute * 60;

export const emptyCache: CacheStatus = {
  tokens: 0,
  entries: 0,
  exchangesRunning: 0,
  earliestExpiresAtSeconds: undefined,
  earliestFailingExpiresAtSeconds: undefined,
  failing: [],
};

/** A token file that the kubelet renews after four fifths of an hour. */
export function renewedAt(minute: number): TokenFileStatus {
  const issuedAtSeconds = secondsAt(Math.floor(minute / 48) * 48);
  return {
    file: 'default',
    isUsable: true,
    issuedAtSeconds,
    expiresAtSeconds: issuedAtSeconds + 3_600,
  };
}

export interface FiringAlert {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface PromtoolSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A scenario, and what to look at. */
export interface Look {
  readonly scenario: Scenario;
  readonly minute: number;
  readonly queries?: readonly string[];
}

/** What promtool found for a look. */
export interface Found {
  /** The alerts that fire then. */
  readonly alerts: readonly FiringAlert[];
  readonly samplesOf: (query: string) => readonly PromtoolSample[];
}

/** Longer scenarios are evaluated apart, so that the others need not last as long. */
const longMinutes = 400;

/**
 * Lets promtool evaluate a rule file on scenarios. Each is its own cluster, whose label the result does
 * not have. Evaluating all together takes a tenth of the time.
 * @param alertNames the alerts to look for.
 * @throws if promtool cannot, with its output.
 */
export function evaluateRules(
  rules: string,
  alertNames: readonly string[],
  looks: readonly Look[],
): readonly Found[] {
  const found = new Map<Look, Found>();
  for (const batch of [
    looks.filter(({ minute }) => minute <= longMinutes),
    looks.filter(({ minute }) => minute > longMinutes),
  ]) {
    if (batch.length === 0) continue;
    const output = run(rules, JSON.stringify(toInput(rules, alertNames, batch)));
    // It always has an answer if the rules and the series could be read.
    if (!output.includes('expr: "vector(1)"')) throw new Error(`promtool failed: ${output}`);
    const alerts = parseAlerts(output);
    const samples = parseSamples(output);
    for (const [index, look] of batch.entries()) {
      const isOwn = ({ minute, labels }: Answer): boolean =>
        minute === look.minute && labels['cluster'] === toCluster(index);
      found.set(look, {
        alerts: alerts.filter(isOwn).map(withoutCluster),
        samplesOf: (query) =>
          samples.filter((sample) => sample.query === query && isOwn(sample)).map(withoutCluster),
      });
    }
  }
  return looks.map((look) => found.get(look) ?? { alerts: [], samplesOf: () => [] });
}

const toCluster = (index: number): string => `c${index}`;

function toInput(
  rules: string,
  alertNames: readonly string[],
  looks: readonly Look[],
): Readonly<Record<string, unknown>> {
  const minutes = [...new Set(looks.map(({ minute }) => minute))].toSorted((a, b) => a - b);
  const queries = [...new Set(looks.flatMap((look) => look.queries ?? [])), 'vector(1)'];
  // Nothing is expected, so that promtool fails and lists everything that it got.
  const test = {
    interval: '1m',
    input_series: looks.flatMap(({ scenario, minute }, index) =>
      toSeries(scenario, minute)
        // Others would only take time.
        .filter(({ series }) => rules.includes(series.replace(/\{.*/, '')))
        .map(({ series, values }) => ({
          series: series.replace('{', `{cluster="${toCluster(index)}",`),
          values,
        })),
    ),
    alert_rule_test: minutes.flatMap((minute) =>
      alertNames.map((alertname) => ({ eval_time: `${minute}m`, alertname, exp_alerts: [] })),
    ),
    promql_expr_test: minutes.flatMap((minute) =>
      queries.map((expr) => ({ eval_time: `${minute}m`, expr, exp_samples: [] })),
    ),
  };
  return { rule_files: ['rules.yaml'], evaluation_interval: '1m', tests: [test] };
}

/** Part of promtool's output. */
interface Answer {
  readonly minute: number;
  readonly labels: Readonly<Record<string, string>>;
}

function withoutCluster<T extends Answer>({ labels: { cluster: _, ...labels }, ...others }: T) {
  return { ...others, labels };
}

function run(rules: string, input: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'promtool-'));
  try {
    writeFileSync(join(folder, 'rules.yaml'), rules);
    writeFileSync(join(folder, 'test.yaml'), input);
    const { stdout, stderr } = spawnSync(promtool ?? 'promtool', ['test', 'rules', 'test.yaml'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 64 * 1_048_576,
      // It takes 10 s alone, and much longer on a busy machine.
      timeout: 300_000,
    });
    return `${stdout}${stderr}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The series that a Prometheus with a scrape a minute has, in promtool's notation. */
function toSeries(
  {
    podAt = () => 'a',
    minuteAt = () => () => {},
    stateAt = () => ({}),
    others = () => ({}),
  }: Scenario,
  minutes: number,
): readonly { readonly series: string; readonly values: string }[] {
  const series = new Map<string, string[]>();
  const add = (key: string, minute: number, value: number): void => {
    const values = series.get(key) ?? Array.from({ length: minutes + 1 }, () => '_');
    values[minute] = String(value);
    series.set(key, values);
  };
  let metrics: AllMetrics | undefined;
  let nowMs = 0;
  for (let minute = 0; minute <= minutes; minute += 1) {
    for (const [key, value] of Object.entries(others(minute))) {
      if (value !== undefined) add(key, minute, value);
    }
    const act = minuteAt(minute);
    if (act === undefined) {
      metrics = undefined;
      continue;
    }
    // Half a minute before the scrape, as on average.
    nowMs = (secondsAt(minute) - 30) * 1_000;
    metrics ??= createMetrics(() => nowMs);
    act(metrics);
    const state: MetricsState = {
      cache: emptyCache,
      tokenFiles: [renewedAt(minute)],
      hasDefaultIdentity: true,
      aadstsNumbers: new Set([700_213]),
      ...stateAt(minute),
    };
    for (const { name, read } of metrics.table) {
      for (const { labels, metricName = name, value } of read(state)) {
        const all = { namespace: 'n', pod: podAt(minute), ...labels };
        const text = Object.entries(all).map(([label, text]) => `${label}="${text}"`);
        add(`${metricName}{${text.join()}}`, minute, value);
      }
    }
  }
  return [...series].map(([key, values]) => ({ series: key, values: markEnds(values).join(' ') }));
}

/** Prometheus notes the end of a series at the first scrape without it. */
function markEnds(values: readonly string[]): readonly string[] {
  return values.map((value, index) =>
    value === '_' && index > 0 && values[index - 1] !== '_' ? 'stale' : value,
  );
}

function parseAlerts(output: string): readonly (FiringAlert & Answer)[] {
  const blocks = output.matchAll(/alertname: (\w+), time: (\S+),([\s\S]*?)\n {12}\]/g);
  return [...blocks].flatMap(([, alert = '', time = '', body = '']) =>
    [...body.matchAll(/Labels:\{(.*)\}\n\s+Annotations:\{(.*)\}/g)].map(
      ([, labels = '', annotations = '']) => ({
        alert,
        minute: toMinute(time),
        labels: parseLabels(labels),
        annotations: parseLabels(annotations),
      }),
    ),
  );
}

function parseSamples(
  output: string,
): readonly (PromtoolSample & Answer & { readonly query: string })[] {
  const blocks = output.matchAll(/expr: ("(?:[^"\\]|\\.)*"), time: (\S+),\n.*\n\s+got: (.*)/g);
  return [...blocks].flatMap(([, query = '""', time = '', got = '']) =>
    [...got.matchAll(/\{([^}]*)\} (\S+?)(?:,|$)/g)].map(([, labels = '', value]) => ({
      query: JSON.parse(query) as string,
      minute: toMinute(time),
      labels: parseLabels(labels),
      value: Number(value),
    })),
  );
}

const minutesPerUnit: Readonly<Record<string, number>> = { d: 1_440, h: 60, m: 1 };

/** Prometheus' notation of a duration: `1d10m`. */
function toMinute(time: string): number {
  return [...time.matchAll(/(\d+)([dhm])/g)].reduce(
    (sum, [, amount, unit = '']) => sum + Number(amount) * (minutesPerUnit[unit] ?? 0),
    0,
  );
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)=("(?:[^"\\]|\\.)*")/g)].map(([, name = '', value = '""']) => [
      name,
      JSON.parse(value) as string,
    ]),
  );
}
