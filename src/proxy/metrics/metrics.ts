import { buildInfo } from '../../shared/version.ts';
import type { ErrorCode } from '../errors.ts';
import type { CacheStatus } from '../token/cache-status.ts';
import type { CacheResult } from '../token/token-source.ts';
import {
  counter,
  counterBy,
  counterByCode,
  counterByNumber,
  gauge,
  histogram,
  labelled,
  type Metric,
  settableGauge,
  toSamples,
} from './instruments.ts';

const routes = ['token', 'readyz', 'passthrough', 'other'] as const;

/** What a request asked for. */
export type RouteLabel = (typeof routes)[number];

const denyReasons = [
  'metadata_header',
  'forwarded',
  'host',
  'identity_header',
  'method',
  'path',
  'identity',
  'allow_list',
  'loop',
] as const;

/** Which rule refused a request. */
export type DenyReason = (typeof denyReasons)[number];

const exchangeFailures = [
  'throttled',
  'rejected',
  'unavailable',
  'timeout',
  'assertion_error',
  'internal_error',
] as const;

/** Why an exchange failed. */
export type ExchangeFailure = (typeof exchangeFailures)[number];

/** How an exchange ended. */
export type ExchangeResult = 'success' | ExchangeFailure;

const cacheResults = [
  'hit',
  'stale',
  'miss',
  'coalesced',
  'negative',
] as const satisfies readonly CacheResult[];

/** A file with a federated token, as it is at the time of the scrape. */
export interface TokenFileStatus {
  /** Label value: `default`, or `identities-N` for the file of an entry of IMDS_PROXY_IDENTITIES. */
  readonly file: string;
  /** Whether an exchange may succeed with it. */
  readonly isUsable: boolean;
  /** As the token says, in seconds since 1970; undefined if there is no token or it does not say. */
  readonly issuedAtSeconds: number | undefined;
  readonly expiresAtSeconds: number | undefined;
}

/** What a scrape reads in addition to the counters. */
export interface MetricsState {
  readonly cache: CacheStatus;
  readonly tokenFiles: readonly TokenFileStatus[];
  /** Whether requests that name no identity can be answered. */
  readonly hasDefaultIdentity: boolean;
  /** The AADSTS numbers that have their own label value. */
  readonly aadstsNumbers: ReadonlySet<number>;
}

/** The parts of the proxy report events here. Calls are cheap: no allocation, no library. */
export type Metrics = Omit<AllMetrics, 'table'>;

/** The same, with the metrics to read. */
export type AllMetrics = ReturnType<typeof createMetrics>;

/**
 * Declares every metric, each once. It counts in plain numbers, because an answer from the cache must not pay
 * for an allocation or a library. Labels are closed sets: no path, address, identity, resource or text.
 * @param epochMs the wall clock.
 */
export function createMetrics(epochMs: () => number = Date.now) {
  const startTimeSeconds = toSeconds(epochMs());
  const startTime = gauge<MetricsState>(
    {
      name: 'imds_proxy_start_time_seconds',
      help: 'When the proxy started.',
    },
    () => startTimeSeconds,
  );
  const buildInfoGauge: Metric<MetricsState> = {
    name: 'imds_proxy_build_info',
    help: 'Always 1. The labels say which version is running.',
    type: 'gauge',
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
  };
  const requests = labelled({ label: 'route', values: routes }, () =>
    counterByCode({
      name: 'imds_proxy_http_requests_total',
      help: "Requests that were answered on the proxy's port.",
    }),
  );
  const requestDuration = labelled(
    { label: 'route', values: routes },
    () =>
      histogram({
        name: 'imds_proxy_http_request_duration_seconds',
        help: 'Time from receiving a request to sending its answer. A route appears with its first request.',
      }),
    (samples) => samples.at(-1)?.value !== 0,
  );
  const requestsInFlight = settableGauge(
    {
      name: 'imds_proxy_http_requests_in_flight',
      help: 'Requests that are not answered yet.',
    },
    0,
  );
  const requestsDenied = counterBy({
    name: 'imds_proxy_requests_denied_total',
    help: 'Requests that the proxy refused by itself, by the rule that refused them.',
    label: 'reason',
    values: denyReasons,
  });
  const defaultIdentity = gauge<MetricsState>(
    {
      name: 'imds_proxy_default_identity_configured',
      help: '1 if requests that name no identity can be answered. 0 usually means that the annotation azure.workload.identity/client-id is missing.',
    },
    ({ hasDefaultIdentity }) => Number(hasDefaultIdentity),
  );
  const cacheRequests = counterBy({
    name: 'imds_proxy_token_cache_requests_total',
    help: "Token requests by how they were answered: hit, from the cache; stale, from the cache while a refresh was due; miss, by an exchange; coalesced, by another request's exchange; negative, by a remembered failure.",
    label: 'result',
    values: cacheResults,
  });
  const requestFailures = counterBy({
    name: 'imds_proxy_token_request_failures_total',
    help: 'Token requests that no rule refused and that got an error instead of a token, by why the exchange failed. Applications notice these.',
    label: 'reason',
    values: exchangeFailures,
  });
  const cacheEntries = gauge<MetricsState>(
    {
      name: 'imds_proxy_token_cache_entries',
      help: 'Pairs of identity and resource in the cache, each with a token, a running exchange or a remembered failure.',
    },
    ({ cache }) => cache.entries,
  );
  const tokenExpiry = gauge<MetricsState>(
    {
      name: 'imds_proxy_token_expiry_timestamp_seconds',
      help: 'When the first of the cached tokens expires. Absent while the cache has no token.',
    },
    ({ cache }) => cache.earliestExpiresAtSeconds,
  );
  const exchanges = counterBy({
    name: 'imds_proxy_token_exchanges_total',
    help: 'Exchanges of a federated token for an access token. Retries within one exchange are not counted.',
    label: 'result',
    values: ['success', ...exchangeFailures],
  });
  const exchangeAadsts = counterByNumber<MetricsState>({
    name: 'imds_proxy_token_exchange_aadsts_total',
    help: 'Failed exchanges by the AADSTS number in the answer. A number appears with its first failure.',
    label: 'aadsts',
    values: 'an AADSTS number of docs/errors.md, other',
    known: ({ aadstsNumbers }) => aadstsNumbers,
  });
  const exchangeDuration = histogram({
    name: 'imds_proxy_token_exchange_duration_seconds',
    help: 'Duration of exchanges, successful or not.',
  });
  const lastSuccess = settableGauge(
    {
      name: 'imds_proxy_token_exchange_last_success_timestamp_seconds',
      help: 'When an exchange last succeeded. 0 before the first.',
    },
    0,
  );
  const lastFailure = labelled({ label: 'result', values: exchangeFailures }, () =>
    settableGauge(
      {
        name: 'imds_proxy_token_exchange_last_failure_timestamp_seconds',
        help: 'When an exchange last failed for this reason. 0 before the first.',
      },
      0,
    ),
  );
  const refreshFailures = counterBy({
    name: 'imds_proxy_token_refresh_failures_total',
    help: 'Background refreshes that failed while the cached token was still valid.',
    label: 'reason',
    values: exchangeFailures,
  });
  const refreshFailing = gauge<MetricsState>(
    {
      name: 'imds_proxy_token_refresh_failing',
      help: 'Cached tokens in use whose refresh is due and fails. Applications notice only when such a token expires.',
    },
    ({ cache }) => cache.failing.filter(({ hasToken }) => hasToken).length,
  );
  const refreshFailingExpiry = gauge<MetricsState>(
    {
      name: 'imds_proxy_token_refresh_failing_expiry_timestamp_seconds',
      help: 'When the first of the cached tokens whose refresh fails expires. Absent while none fails.',
    },
    ({ cache }) => cache.earliestFailingExpiresAtSeconds,
  );
  const federatedTokenExpiry = gaugeByFile(
    {
      name: 'imds_proxy_federated_token_expiry_timestamp_seconds',
      help: 'When the federated token in the file expires, read at each scrape. Absent while the file has no token.',
    },
    ({ expiresAtSeconds }) => expiresAtSeconds,
  );
  const federatedTokenIssued = gaugeByFile(
    {
      name: 'imds_proxy_federated_token_issued_timestamp_seconds',
      help: 'When the federated token in the file was issued, read at each scrape. The kubelet replaces it at 80 % of its life.',
    },
    ({ issuedAtSeconds }) => issuedAtSeconds,
  );
  const federatedTokenUsable = gaugeByFile(
    {
      name: 'imds_proxy_federated_token_usable',
      help: '0 if no exchange can succeed with the file, read at each scrape: it is missing, unreadable or malformed, or its token has expired or has a wrong audience.',
    },
    ({ isUsable }) => Number(isUsable),
  );
  const federatedTokenReadErrors = counter({
    name: 'imds_proxy_federated_token_read_errors_total',
    help: 'Exchanges that found the federated token missing, unreadable or malformed.',
  });
  const passthroughRequests = counterByCode({
    name: 'imds_proxy_passthrough_requests_total',
    help: 'Requests that the real metadata service answered.',
  });

  const table: readonly Metric<MetricsState>[] = [
    buildInfoGauge,
    startTime,
    requests,
    requestDuration,
    requestsInFlight,
    requestsDenied,
    defaultIdentity,
    cacheRequests,
    requestFailures,
    cacheEntries,
    tokenExpiry,
    exchanges,
    exchangeAadsts,
    exchangeDuration,
    lastSuccess,
    lastFailure,
    refreshFailures,
    refreshFailing,
    refreshFailingExpiry,
    federatedTokenExpiry,
    federatedTokenIssued,
    federatedTokenUsable,
    federatedTokenReadErrors,
    passthroughRequests,
  ];

  return {
    /** Every metric, in the order of the exposition. */
    table,
    requestStarted(): void {
      requestsInFlight.set(requestsInFlight.get() + 1);
    },
    requestFinished(route: RouteLabel, status: number, durationMs: number): void {
      requestsInFlight.set(requestsInFlight.get() - 1);
      requests.of[route].add(status);
      requestDuration.of[route].observe(durationMs);
    },
    denied: requestsDenied.add,
    cache: (result: CacheResult): void => cacheRequests.add(result),
    tokenRequestFailed: (code: ErrorCode): void => requestFailures.add(toExchangeFailure(code)),
    /** @param aadsts the AADSTS number of a failure, if it has one. */
    exchange(result: ExchangeResult, durationMs: number, aadsts?: number): void {
      exchanges.add(result);
      exchangeDuration.observe(durationMs);
      if (aadsts !== undefined) exchangeAadsts.add(aadsts);
      const ended = result === 'success' ? lastSuccess : lastFailure.of[result];
      ended.set(toSeconds(epochMs()));
    },
    refreshFailed: (code: ErrorCode): void => refreshFailures.add(toExchangeFailure(code)),
    passthrough: passthroughRequests.add,
    assertionReadError: federatedTokenReadErrors.add,
  };
}

/** A gauge for each token file. No sample while its value is undefined. */
function gaugeByFile(
  declaration: { readonly name: string; readonly help: string },
  read: (status: TokenFileStatus) => number | undefined,
): Metric<MetricsState> {
  return {
    ...declaration,
    type: 'gauge',
    labels: { file: 'default, or identities-N for entry N of IMDS_PROXY_IDENTITIES' },
    read: ({ tokenFiles }) =>
      tokenFiles.flatMap((status) => toSamples({ file: status.file }, read(status))),
  };
}

function toSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1_000);
}

/** The label value of a failed exchange. */
export function toExchangeFailure(code: ErrorCode): ExchangeFailure {
  switch (code) {
    case 'ERR_REJECTED':
      return 'rejected';
    case 'ERR_THROTTLED':
      return 'throttled';
    case 'ERR_UNAVAILABLE':
      return 'unavailable';
    case 'ERR_TIMEOUT':
      return 'timeout';
    case 'ERR_ASSERTION':
      return 'assertion_error';
    default:
      return 'internal_error';
  }
}
