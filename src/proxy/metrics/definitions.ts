import { buildInfo } from '../../shared/version.ts';
import type { CacheStatus } from '../token/cache-status.ts';
import type { CodeCount, MetricsSnapshot } from './counters.ts';
import { bucketBoundsMs, type HistogramSnapshot } from './histogram.ts';

/** What a scrape reads. */
export interface MetricsState {
  readonly counters: MetricsSnapshot;
  readonly cache: CacheStatus;
}

/** One line of the exposition. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** The name of the line where it is not the metric's: `_bucket`, `_sum` and `_count` of a histogram. */
  readonly metricName?: string;
}

/** A metric: what it is called, what it says and where its values come from. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Every label that a sample may have, and its values where they are a fixed set. */
  readonly labels: Readonly<Record<string, string>>;
  readonly read: (state: MetricsState) => readonly Sample[];
}

/** Every metric of our own. Labels are closed sets: no path, address, identity, resource or text. */
export const metricDefinitions: readonly MetricDefinition[] = [
  {
    name: 'imds_proxy_build_info',
    type: 'gauge',
    help: 'Always 1; the labels say what is running.',
    labels: { version: 'version', revision: 'commit', node_version: 'version of Node.js' },
    read: () => [
      {
        labels: {
          version: buildInfo.version,
          revision: buildInfo.revision,
          node_version: process.version,
        },
        value: 1,
      },
    ],
  },
  {
    name: 'imds_proxy_http_requests_total',
    type: 'counter',
    help: 'Requests that were answered on the port of the proxy.',
    labels: { route: 'token, readyz, passthrough, other', code: 'HTTP status' },
    read: ({ counters }) =>
      Object.entries(counters.requests).flatMap(([route, codes]) =>
        toCodeSamples(codes, { route }),
      ),
  },
  {
    name: 'imds_proxy_http_request_duration_seconds',
    type: 'histogram',
    help: 'Time from the arrival of a request to its answer. Routes appear with their first request.',
    labels: { route: 'token, readyz, passthrough, other' },
    read: ({ counters }) =>
      Object.entries(counters.requestDurations)
        .filter(([, histogram]) => histogram.count > 0)
        .flatMap(([route, histogram]) =>
          toHistogramSamples('imds_proxy_http_request_duration_seconds', histogram, { route }),
        ),
  },
  {
    name: 'imds_proxy_http_requests_in_flight',
    type: 'gauge',
    help: 'Requests that are being answered.',
    labels: {},
    read: ({ counters }) => [toSample(counters.requestsInFlight)],
  },
  {
    name: 'imds_proxy_requests_denied_total',
    type: 'counter',
    help: 'Requests that were refused before they could mean anything.',
    labels: {
      reason: 'metadata_header, forwarded, host, identity_header, method, path, allow_list, loop',
    },
    read: ({ counters }) => toLabelledSamples('reason', counters.denied),
  },
  {
    name: 'imds_proxy_token_cache_requests_total',
    type: 'counter',
    help: 'Token requests by how they were answered: from the cache, from the cache after a refresh was due, by an exchange, by an exchange of somebody else, by a remembered failure.',
    labels: { result: 'hit, stale, miss, coalesced, negative' },
    read: ({ counters }) => toLabelledSamples('result', counters.cache),
  },
  {
    name: 'imds_proxy_token_cache_entries',
    type: 'gauge',
    help: 'Pairs of identity and resource that the cache knows: with a token, an exchange or a remembered failure.',
    labels: {},
    read: ({ cache }) => [toSample(cache.entries)],
  },
  {
    name: 'imds_proxy_token_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When the first of the cached tokens expires. Absent while there is none.',
    labels: {},
    read: ({ cache }) => toOptionalSample(cache.earliestExpiresAtSeconds),
  },
  {
    name: 'imds_proxy_token_exchanges_total',
    type: 'counter',
    help: 'Exchanges of an assertion for a token, each with all its tries.',
    labels: {
      result: 'success, throttled, rejected, unavailable, timeout, assertion_error, internal_error',
    },
    read: ({ counters }) => toLabelledSamples('result', counters.exchanges),
  },
  {
    name: 'imds_proxy_token_exchange_duration_seconds',
    type: 'histogram',
    help: 'Time that exchanges took, however they ended.',
    labels: {},
    read: ({ counters }) =>
      toHistogramSamples(
        'imds_proxy_token_exchange_duration_seconds',
        counters.exchangeDuration,
        {},
      ),
  },
  {
    name: 'imds_proxy_token_refresh_failures_total',
    type: 'counter',
    help: 'Refreshes in the background that failed while the token in use was still served.',
    labels: {
      reason: 'throttled, rejected, unavailable, timeout, assertion_error, internal_error',
    },
    read: ({ counters }) => toLabelledSamples('reason', counters.refreshFailures),
  },
  {
    name: 'imds_proxy_token_refresh_failing',
    type: 'gauge',
    help: 'Tokens in use whose last refresh failed. Callers notice nothing until such a token expires.',
    labels: {},
    read: ({ cache }) => [toSample(cache.failing.filter(({ hasToken }) => hasToken).length)],
  },
  {
    name: 'imds_proxy_federated_token_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When the assertion that was last presented expires. Absent until one has been read.',
    labels: {},
    read: ({ counters }) => toOptionalSample(counters.assertionExpiresAtSeconds),
  },
  {
    name: 'imds_proxy_federated_token_read_errors_total',
    type: 'counter',
    help: 'Times that the projected ServiceAccount token was missing, unreadable or malformed.',
    labels: {},
    read: ({ counters }) => [toSample(counters.assertionReadErrors)],
  },
  {
    name: 'imds_proxy_passthrough_requests_total',
    type: 'counter',
    help: 'Requests that the real metadata service answered.',
    labels: { code: 'HTTP status' },
    read: ({ counters }) => toCodeSamples(counters.passthrough, {}),
  },
];

function toSample(value: number): Sample {
  return { labels: {}, value };
}

function toOptionalSample(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [toSample(value)];
}

function toLabelledSamples(
  label: string,
  values: Readonly<Record<string, number>>,
): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}

function toCodeSamples(
  codes: readonly CodeCount[],
  labels: Readonly<Record<string, string>>,
): readonly Sample[] {
  return codes.map(({ code, count }) => ({
    labels: { ...labels, code: String(code) },
    value: count,
  }));
}

function toHistogramSamples(
  name: string,
  { cumulativeCounts, count, sumMs }: HistogramSnapshot,
  labels: Readonly<Record<string, string>>,
): readonly Sample[] {
  const bucket = (le: string, value: number): Sample => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le },
    value,
  });
  return [
    ...cumulativeCounts.map((value, index) =>
      bucket(String((bucketBoundsMs[index] ?? 0) / 1_000), value),
    ),
    bucket('+Inf', count),
    { metricName: `${name}_sum`, labels, value: sumMs / 1_000 },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
