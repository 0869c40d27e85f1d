import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { createExposition } from '../../../src/proxy/metrics/exposition.ts';
import {
  type AllMetrics,
  createMetrics,
  type MetricsState,
  type TokenFileStatus,
} from '../../../src/proxy/metrics/metrics.ts';
import { addRuntimeMetrics } from '../../../src/proxy/metrics/runtime-metrics.ts';
import type { CacheStatus } from '../../../src/proxy/token/cache-status.ts';
import { type ParsedSample, parseExposition } from './parse-exposition.ts';

const emptyCache: CacheStatus = {
  tokens: 0,
  entries: 0,
  exchangesRunning: 0,
  earliestExpiresAtSeconds: undefined,
  earliestFailingExpiresAtSeconds: undefined,
  failing: [],
};

const tokenFile: TokenFileStatus = {
  file: 'default',
  isUsable: true,
  issuedAtSeconds: 1_800_000_000,
  expiresAtSeconds: 1_800_003_600,
};

const state = { cache: emptyCache, tokenFiles: [tokenFile], hasDefaultIdentity: true };
const readState = async () => state;

const failure = {
  identity: { clientId: 'c', tenantId: 't' },
  resource: 'r',
  code: 'ERR_UNAVAILABLE',
  aadsts: undefined,
  message: 'm',
  failures: 1,
  sinceSeconds: 0,
  nextRetryAtSeconds: 0,
  retriesByItself: true,
} as const;

async function scrape(
  metrics: AllMetrics,
  changes: Partial<Omit<MetricsState, 'aadstsNumbers'>> = {},
): Promise<string> {
  return createExposition(metrics.table, async () => ({ ...state, ...changes })).render();
}

/** Labels whose values the definitions describe. */
const openLabels = ['code', 'aadsts', 'version', 'revision', 'node_version', 'file'];

function find(
  text: string,
  name: string,
): readonly (Pick<ParsedSample, 'value'> & { labels: ParsedSample['labels'] })[] {
  const metric = parseExposition(text).get(name);
  if (metric === undefined) throw new Error(`no ${name}`);
  return metric.samples.map(({ labels, value }) => ({ labels, value }));
}

/** Metrics that have seen everything once. */
function createBusyMetrics(): AllMetrics {
  const metrics = createMetrics();
  for (const route of ['token', 'readyz', 'passthrough', 'other'] as const) {
    metrics.requestStarted();
    metrics.requestFinished(route, 200, 1);
  }
  metrics.passthrough(200);
  metrics.exchange('success', 100);
  metrics.exchange('rejected', 100, 700_213);
  metrics.assertionReadError();
  return metrics;
}

describe('exposition', () => {
  test('is well formed, empty and full', async () => {
    parseExposition(await scrape(createMetrics()));
    const cache = { ...emptyCache, tokens: 1, entries: 1, earliestExpiresAtSeconds: 1_800_000_000 };
    parseExposition(await scrape(createBusyMetrics(), { cache }));
  });

  test('has every defined metric, with no label but the defined ones', async () => {
    const cache = { ...emptyCache, tokens: 1, earliestExpiresAtSeconds: 1 };
    const metrics = parseExposition(await scrape(createBusyMetrics(), { cache }));
    const { table } = createMetrics();
    expect([...metrics.keys()]).toEqual(table.map(({ name }) => name));
    for (const { name, type, help, labels } of table) {
      const metric = metrics.get(name);
      expect(metric).toMatchObject({ type, help });
      const used = new Set(metric?.samples.flatMap((sample) => Object.keys(sample.labels)));
      used.delete('le');
      expect([...used].toSorted()).toEqual(Object.keys(labels).toSorted());
    }
  });

  test('counts requests by route and status', async () => {
    const metrics = createMetrics();
    for (const [route, status] of [
      ['token', 200],
      ['token', 200],
      ['token', 400],
      ['other', 404],
    ] as const) {
      metrics.requestStarted();
      metrics.requestFinished(route, status, 1);
    }
    metrics.requestStarted();
    const text = await scrape(metrics);
    expect(find(text, 'imds_proxy_http_requests_total')).toEqual([
      { labels: { route: 'token', code: '200' }, value: 2 },
      { labels: { route: 'token', code: '400' }, value: 1 },
      { labels: { route: 'other', code: '404' }, value: 1 },
    ]);
    expect(find(text, 'imds_proxy_http_requests_in_flight')).toEqual([{ labels: {}, value: 1 }]);
  });

  test('puts durations into the buckets that they belong to', async () => {
    const metrics = createMetrics();
    for (const durationMs of [0, 1, 1.001, 9_999, 10_000, 10_001, 25_000, 60_000]) {
      metrics.requestStarted();
      metrics.requestFinished('token', 200, durationMs);
    }
    const samples = find(await scrape(metrics), 'imds_proxy_http_request_duration_seconds');
    const at = (le: string): number | undefined =>
      samples.find(({ labels }) => labels['le'] === le)?.value;
    const bounds = ['0.001', '0.0025', '5', '10', '20', '30', '+Inf'];
    expect(bounds.map(at)).toEqual([2, 3, 3, 5, 6, 7, 8]);
    expect(samples.at(-2)?.value).toBeCloseTo(
      (0 + 1 + 1.001 + 9_999 + 10_000 + 10_001 + 25_000 + 60_000) / 1_000,
    );
    expect(samples.at(-1)).toEqual({ labels: { route: 'token' }, value: 8 });
  });

  test('has every value of a closed label from the start, so that rates are right', async () => {
    const metrics = createMetrics();
    metrics.cache('hit');
    metrics.denied('loop');
    metrics.exchange('timeout', 10_000);
    metrics.refreshFailed('ERR_THROTTLED');
    metrics.refreshFailed('ERR_SHUTTING_DOWN');
    const text = await scrape(metrics);
    const values = (name: string): Record<string, number> =>
      Object.fromEntries(
        find(text, name).map(({ labels, value }) => [Object.values(labels).join(), value]),
      );
    expect(values('imds_proxy_token_cache_requests_total')).toEqual({
      hit: 1,
      stale: 0,
      miss: 0,
      coalesced: 0,
      negative: 0,
    });
    expect(values('imds_proxy_requests_denied_total')).toEqual({
      metadata_header: 0,
      forwarded: 0,
      host: 0,
      identity_header: 0,
      method: 0,
      path: 0,
      identity: 0,
      allow_list: 0,
      loop: 1,
    });
    const results = {
      throttled: 0,
      rejected: 0,
      unavailable: 0,
      timeout: 0,
      assertion_error: 0,
      internal_error: 0,
    };
    expect(values('imds_proxy_token_exchanges_total')).toEqual({
      success: 0,
      ...results,
      timeout: 1,
    });
    expect(values('imds_proxy_token_refresh_failures_total')).toEqual({
      ...results,
      throttled: 1,
      internal_error: 1,
    });
  });

  test('the definitions name the values that closed labels have', async () => {
    const metrics = parseExposition(await scrape(createBusyMetrics()));
    for (const { name, labels } of createMetrics().table) {
      for (const [label, described] of Object.entries(labels)) {
        const values = new Set(metrics.get(name)?.samples.map((sample) => sample.labels[label]));
        if (openLabels.includes(label)) continue;
        expect([...values].join(', ')).toBe(described);
      }
    }
  });

  test('shows the cache as it is', async () => {
    const text = await scrape(createMetrics(), {
      cache: {
        tokens: 2,
        entries: 4,
        exchangesRunning: 0,
        earliestExpiresAtSeconds: 1_800_000_000,
        earliestFailingExpiresAtSeconds: 1_900_000_000,
        failing: [
          { ...failure, hasToken: true },
          { ...failure, hasToken: false },
        ],
      },
    });
    expect(find(text, 'imds_proxy_token_cache_entries')).toEqual([{ labels: {}, value: 4 }]);
    expect(find(text, 'imds_proxy_token_refresh_failing')).toEqual([{ labels: {}, value: 1 }]);
    expect(find(text, 'imds_proxy_token_refresh_failing_expiry_timestamp_seconds')).toEqual([
      { labels: {}, value: 1_900_000_000 },
    ]);
    expect(find(text, 'imds_proxy_token_expiry_timestamp_seconds')).toEqual([
      { labels: {}, value: 1_800_000_000 },
    ]);
  });

  test('counts failed exchanges by AADSTS number, of which only documented ones have a label', async () => {
    const metrics = createMetrics();
    for (const aadsts of [700_213, 700_213, 700_016, 4_711, undefined]) {
      metrics.exchange('rejected', 1, aadsts);
    }
    for (let number = 10_000_000; number < 10_000_100; number += 1) {
      metrics.exchange('rejected', 1, number);
    }
    expect(find(await scrape(metrics), 'imds_proxy_token_exchange_aadsts_total')).toEqual([
      { labels: { aadsts: '700213' }, value: 2 },
      { labels: { aadsts: '700016' }, value: 1 },
      { labels: { aadsts: 'other' }, value: 101 },
    ]);
  });

  test('knows when an exchange last succeeded and last failed', async () => {
    let nowMs = 1_800_000_000_999;
    const metrics = createMetrics(() => nowMs);
    const times = async (): Promise<readonly (number | undefined)[]> => {
      const text = await scrape(metrics);
      const [success] = find(text, 'imds_proxy_token_exchange_last_success_timestamp_seconds');
      const failures = find(text, 'imds_proxy_token_exchange_last_failure_timestamp_seconds');
      const of = (result: string): number | undefined =>
        failures.find(({ labels }) => labels['result'] === result)?.value;
      return [success?.value, of('timeout'), of('rejected')];
    };
    expect(await times()).toEqual([0, 0, 0]);
    metrics.exchange('timeout', 1);
    expect(await times()).toEqual([0, 1_800_000_000, 0]);
    nowMs += 5_000;
    metrics.exchange('success', 1);
    expect(await times()).toEqual([1_800_000_005, 1_800_000_000, 0]);
    metrics.exchange('rejected', 1);
    expect(await times()).toEqual([1_800_000_005, 1_800_000_000, 1_800_000_005]);
  });

  test('knows when the proxy started, whenever it is asked', async () => {
    let nowMs = 1_800_000_000_999;
    const metrics = createMetrics(() => nowMs);
    nowMs += 60_000;
    expect(find(await scrape(metrics), 'imds_proxy_start_time_seconds')).toEqual([
      { labels: {}, value: 1_800_000_000 },
    ]);
  });

  test('shows each token file as it is at the scrape', async () => {
    const metrics = createMetrics();
    let tokenFiles: readonly TokenFileStatus[] = [
      tokenFile,
      { ...tokenFile, file: 'identities-2', isUsable: false, issuedAtSeconds: undefined },
    ];
    const exposition = createExposition(metrics.table, async () => ({ ...state, tokenFiles }));
    const look = async (what: string) =>
      find(await exposition.render(), `imds_proxy_federated_token_${what}`).map(
        ({ labels, value }) => [labels['file'], value],
      );
    expect(await look('usable')).toEqual([
      ['default', 1],
      ['identities-2', 0],
    ]);
    expect(await look('issued_timestamp_seconds')).toEqual([['default', 1_800_000_000]]);
    expect(await look('expiry_timestamp_seconds')).toEqual([
      ['default', 1_800_003_600],
      ['identities-2', 1_800_003_600],
    ]);
    tokenFiles = [{ ...tokenFile, expiresAtSeconds: 1_800_007_200 }];
    expect(await look('expiry_timestamp_seconds')).toEqual([['default', 1_800_007_200]]);
  });

  test('says whether requests without an identity can be answered', async () => {
    const name = 'imds_proxy_default_identity_configured';
    const value = async (has: boolean): Promise<number | undefined> =>
      find(await scrape(createMetrics(), { hasDefaultIdentity: has }), name)[0]?.value;
    expect(await value(true)).toBe(1);
    expect(await value(false)).toBe(0);
  });

  test('leaves out values that are not known yet', async () => {
    const text = await scrape(createMetrics(), { tokenFiles: [] });
    expect(find(text, 'imds_proxy_token_expiry_timestamp_seconds')).toEqual([]);
    expect(find(text, 'imds_proxy_federated_token_expiry_timestamp_seconds')).toEqual([]);
    expect(find(text, 'imds_proxy_http_request_duration_seconds')).toEqual([]);
  });

  test('names the running version', async () => {
    const [sample] = find(await scrape(createMetrics()), 'imds_proxy_build_info');
    expect(sample).toMatchObject({ value: 1, labels: { node_version: process.version } });
  });

  test('shows at each scrape the counts up to then', async () => {
    const metrics = createMetrics();
    const exposition = createExposition(metrics.table, readState);
    const hits = async (): Promise<number | undefined> =>
      find(await exposition.render(), 'imds_proxy_token_cache_requests_total')[0]?.value;
    expect(await hits()).toBe(0);
    metrics.cache('hit');
    expect(await hits()).toBe(1);
    expect(await hits()).toBe(1);
  });

  test("is of prom-client's content type, and what its own registry would write", async () => {
    const { table } = createBusyMetrics();
    const exposition = createExposition(table, readState);
    expect(exposition.contentType).toBe(Registry.PROMETHEUS_CONTENT_TYPE);
    const theirs = new Registry();
    const aadstsNumbers = new Set([700_213]);
    for (const { name, help, type, read } of table) {
      const values = read({ ...state, aadstsNumbers });
      const metric = { name, get: () => ({ name, help, type, values }) };
      theirs.registerMetric(metric as never);
    }
    expect(await exposition.render()).toBe(await theirs.metrics());
  });

  test('can have the metrics of Node.js added', async () => {
    const metrics = createMetrics();
    const exposition = createExposition(metrics.table, readState, addRuntimeMetrics);
    const names = [...parseExposition(await exposition.render()).keys()];
    expect(names).toContain('imds_proxy_build_info');
    expect(names).toContain('nodejs_eventloop_lag_seconds');
    expect(names).toContain('process_cpu_seconds_total');
    expect(parseExposition(await scrape(metrics)).has('nodejs_eventloop_lag_seconds')).toBe(false);
  });
});

describe('the parser of these tests refuses', () => {
  const head = '# HELP a_total x\n# TYPE a_total counter\n';
  const histogram = '# HELP h x\n# TYPE h histogram\n';
  test.each([
    ['a_total 1\n', 'a sample without family'],
    [`${head}a_total 1`, 'a last line without end'],
    [`${head}b_total 1\n`, 'a sample of another family'],
    [`${head}a_total{x="1" 1\n`, 'open labels'],
    [`${head}a_total{x=1} 1\n`, 'labels without quotes'],
    [`${head}a_total{x="a\\x"} 1\n`, 'an unknown escape'],
    [`${head}a_total{x="1",x="2"} 1\n`, 'a label twice'],
    [`${head}a_total{x="1"} 1\na_total{x="1"} 2\n`, 'a sample twice'],
    [`${head}a_total one\n`, 'a value that is not a number'],
    [`${head}a_total -1\n`, 'a counter below zero'],
    [`${head}${head}`, 'a family twice'],
    ['# HELP a x\n# TYPE a counter\na 1\n', 'a counter without _total'],
    ['# TYPE a gauge\na 1\n', 'a TYPE without HELP'],
    [`${histogram}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`, 'a histogram without +Inf'],
    [
      `${histogram}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
      'buckets that are not cumulative',
    ],
    [`${histogram}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`, 'a wrong count'],
    [`${histogram}h_bucket{le="+Inf"} 1\nh_count 1\n`, 'a missing sum'],
  ])('%j: %s', (text) => {
    expect(() => parseExposition(text)).toThrow();
  });
});
