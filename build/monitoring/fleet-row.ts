import type { Panel, Query, Row } from './panel.ts';
import { failingSeries } from './recording-rules.ts';
import { byPod } from './rule.ts';

/** What the variables at the top of the dashboard select. */
const scope = 'cluster=~"$cluster",namespace=~"$namespace"';
const isProxy = `${scope},container="azwi-proxy"`;

const requests = `namespace_result:imds_proxy_token_cache_requests:rate5m{${scope}}`;
const exchanges = `namespace_result:imds_proxy_token_exchanges:rate5m{${scope}}`;
const expiresIn = `min ${byPod} (imds_proxy_token_expiry_timestamp_seconds{${scope}}) - time()`;

function quantile(share: number): Query {
  return {
    expr: `histogram_quantile(${share}, sum by (le) (namespace_le:imds_proxy_token_exchange_duration_seconds_bucket:rate5m{${scope}}))`,
    legend: `p${share * 100}`,
  };
}

/** Pods whose first token expires within these bounds, in seconds. Zero pods are a value, too. */
function expiringWithin(from: number, to: number, legend: string): Query {
  return { expr: `count((${expiresIn}) >= ${from} < ${to}) or vector(0)`, legend };
}

const glance: readonly Panel[] = [
  {
    title: 'Pods',
    description: 'Proxies that Prometheus has metrics of.',
    kind: 'stat',
    unit: 'short',
    width: 4,
    queries: [{ expr: `count(imds_proxy_build_info{${scope}})`, legend: 'pods' }],
  },
  {
    title: 'Token requests',
    description: 'Token requests of all applications, answered from the cache or not.',
    kind: 'stat',
    unit: 'reqps',
    width: 4,
    queries: [{ expr: `sum(${requests})`, legend: 'requests' }],
  },
  {
    title: 'Answered from the cache',
    description:
      'Share of the token requests that a cached token answers. A low share costs applications the time of an exchange each: look for short-lived pods and for ever new resources.',
    kind: 'stat',
    unit: 'percentunit',
    width: 4,
    max: 1,
    isLessWorse: true,
    steps: [{ from: 0.5, color: 'orange' }],
    queries: [
      {
        expr: `sum(namespace_result:imds_proxy_token_cache_requests:rate5m{${scope},result=~"hit|stale"}) / sum(${requests})`,
        legend: 'hits',
      },
    ],
  },
  {
    title: 'Requests without a token',
    description:
      'Share of the token requests that get an error because no token can be had. Applications notice these. Above 5 % for 10 minutes, ImdsProxyTokenRequestsFailing fires.',
    kind: 'stat',
    unit: 'percentunit',
    width: 4,
    steps: [
      { from: 0.01, color: 'orange' },
      { from: 0.05, color: 'red' },
    ],
    queries: [
      {
        expr: `sum(rate(imds_proxy_token_request_failures_total{${scope}}[$__rate_interval])) / sum(rate(imds_proxy_token_cache_requests_total{${scope}}[$__rate_interval]))`,
        legend: 'failing',
      },
    ],
  },
  {
    title: 'Refreshes that fail',
    description:
      'Cached tokens in use whose refresh is due and fails. Applications notice only when such a token expires.',
    kind: 'stat',
    unit: 'short',
    width: 4,
    steps: [{ from: 1, color: 'orange' }],
    queries: [
      { expr: `sum(namespace:imds_proxy_token_refresh_failing:sum{${scope}})`, legend: 'tokens' },
    ],
  },
  {
    title: 'Unusable federated tokens',
    description:
      'Federated token files that no exchange can succeed with: missing, malformed, expired, or of a wrong audience.',
    kind: 'stat',
    unit: 'short',
    width: 4,
    steps: [{ from: 1, color: 'red' }],
    queries: [
      {
        expr: `count(imds_proxy_federated_token_usable{${scope}} == 0) or vector(0)`,
        legend: 'files',
      },
    ],
  },
];

const traffic: readonly Panel[] = [
  {
    title: 'Token requests by answer',
    description:
      'hit: from the cache. stale: from the cache while a refresh was due. miss: by an exchange. coalesced: by the exchange of another request. negative: by a remembered failure.',
    kind: 'timeseries',
    unit: 'reqps',
    width: 12,
    isStacked: true,
    queries: [{ expr: `sum by (result) (${requests})`, legend: '{{result}}' }],
  },
  {
    title: 'Requests without a token, by reason',
    description: 'Token requests that got an error, by why the exchange failed. Zero is normal.',
    kind: 'timeseries',
    unit: 'reqps',
    width: 12,
    isStacked: true,
    queries: [
      {
        expr: `sum by (reason) (rate(imds_proxy_token_request_failures_total{${scope}}[$__rate_interval]))`,
        legend: '{{reason}}',
      },
    ],
  },
  {
    title: 'Exchanges by result',
    description:
      'Exchanges of a federated token for an access token. Retries within one exchange are not counted.',
    kind: 'timeseries',
    unit: 'ops',
    width: 12,
    isStacked: true,
    queries: [{ expr: `sum by (result) (${exchanges})`, legend: '{{result}}' }],
  },
  {
    title: 'Duration of exchanges',
    description: 'Successful or not, retries included. An exchange is given up after 23 s.',
    kind: 'timeseries',
    unit: 's',
    width: 12,
    queries: [quantile(0.5), quantile(0.95), quantile(0.99)],
  },
  {
    title: 'Failed exchanges by AADSTS number',
    description:
      "Entra's own error numbers. docs/errors.md explains them; other stands for numbers that are not listed there.",
    kind: 'timeseries',
    unit: 'ops',
    width: 12,
    isStacked: true,
    queries: [
      {
        expr: `sum by (aadsts) (rate(imds_proxy_token_exchange_aadsts_total{${scope}}[$__rate_interval]))`,
        legend: 'AADSTS{{aadsts}}',
      },
    ],
  },
  {
    title: 'Pods whose exchanges fail, by reason',
    description:
      'Pods whose last exchange failed within the last hour, with no success since then. The alerts about exchanges count these.',
    kind: 'timeseries',
    unit: 'short',
    width: 12,
    isStacked: true,
    queries: [{ expr: `count by (result) (${failingSeries}{${scope}})`, legend: '{{result}}' }],
  },
];

const tokens: readonly Panel[] = [
  {
    title: 'Pods by time until their first token expires',
    description:
      'The proxy renews a token at 80 % of its life, or at half of it if it lives longer than two hours. Pods under 30 minutes are normal only if tokens live for less than 2.5 hours.',
    kind: 'timeseries',
    unit: 'short',
    width: 12,
    isStacked: true,
    queries: [
      expiringWithin(0, 1_800, 'under 30 min'),
      expiringWithin(1_800, 7_200, '30 min to 2 h'),
      expiringWithin(7_200, 43_200, '2 h to 12 h'),
      expiringWithin(43_200, 200_000, 'over 12 h'),
    ],
  },
  {
    title: 'Least life left of a federated token',
    description:
      'The kubelet renews the token when 20 % of its life are left. Below 15 %, ImdsProxyFederatedTokenStale fires.',
    kind: 'timeseries',
    unit: 'percentunit',
    width: 12,
    max: 1,
    isLessWorse: true,
    steps: [{ from: 0.15, color: 'red' }],
    queries: [
      {
        expr: `min by (namespace) ((imds_proxy_federated_token_expiry_timestamp_seconds{${scope}} - time()) / (imds_proxy_federated_token_expiry_timestamp_seconds{${scope}} - imds_proxy_federated_token_issued_timestamp_seconds{${scope}}))`,
        legend: '{{namespace}}',
      },
    ],
  },
  {
    title: 'Refused requests by rule',
    description:
      'Requests that a rule of the proxy refused. A few metadata_header are normal: SDKs look for IMDS without that header. host and forwarded are not.',
    kind: 'timeseries',
    unit: 'reqps',
    width: 12,
    isStacked: true,
    queries: [
      {
        expr: `sum by (reason) (rate(imds_proxy_requests_denied_total{${scope}}[$__rate_interval]))`,
        legend: '{{reason}}',
      },
    ],
  },
  {
    title: 'Versions',
    description:
      'Pods by the version of their proxy. Two versions for a day are a forgotten restart.',
    kind: 'timeseries',
    unit: 'short',
    width: 12,
    isStacked: true,
    queries: [
      {
        expr: `sum by (version) (namespace_version:imds_proxy_build_info:count{${scope}})`,
        legend: '{{version}}',
      },
    ],
  },
];

const cost: readonly Panel[] = [
  {
    title: 'Memory of the proxies',
    description:
      "Working set of the container, as the kernel compares it with the limit. Needs the kubelet's cAdvisor metrics, and kube-state-metrics for the limit.",
    kind: 'timeseries',
    unit: 'bytes',
    width: 12,
    queries: [
      { expr: `max(container_memory_working_set_bytes{${isProxy}})`, legend: 'highest' },
      { expr: `avg(container_memory_working_set_bytes{${isProxy}})`, legend: 'average' },
      {
        expr: `min(kube_pod_container_resource_limits{${isProxy},resource="memory"} or kube_pod_init_container_resource_limits{${isProxy},resource="memory"})`,
        legend: 'lowest limit',
      },
    ],
  },
  {
    title: 'Restarts in the last hour',
    description:
      'Starts of proxies within an hour, as their start time shows them. Three of one pod make ImdsProxyRestarting fire.',
    kind: 'timeseries',
    unit: 'short',
    width: 12,
    isStacked: true,
    queries: [
      {
        expr: `sum by (namespace) (changes(imds_proxy_start_time_seconds{${scope}}[1h]))`,
        legend: '{{namespace}}',
      },
    ],
  },
  {
    title: 'Pods that fail now',
    description: 'Pods whose last exchange failed, with the reason and the time since then.',
    kind: 'table',
    unit: 's',
    width: 12,
    queries: [
      {
        expr: `sort_desc(time() - ${failingSeries}{${scope}})`,
        legend: '{{namespace}} {{pod}} {{result}}',
      },
    ],
  },
  {
    title: 'Alerts that fire',
    description: 'The runbook of each is in docs/runbooks.',
    kind: 'table',
    unit: 'short',
    width: 12,
    queries: [
      {
        expr: `sum by (alertname, severity, namespace) (ALERTS{alertname=~"ImdsProxy.+",alertstate="firing",namespace=~"$namespace|"})`,
        legend: '{{alertname}} {{namespace}}',
      },
    ],
  },
];

/** All proxies that the variables select. */
export const fleetRow: Row = {
  title: 'Fleet',
  panels: [...glance, ...traffic, ...tokens, ...cost],
};
