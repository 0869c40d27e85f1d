import type { Panel, Query, Row } from './panel.ts';

const scope = 'cluster=~"$cluster",namespace=~"$namespace",pod=~"$pod"';
const isProxy = `${scope},container="azwi-proxy"`;

/** How often something that a label tells apart is counted. */
function rateBy(label: string, metric: string, labels = ''): readonly Query[] {
  return [
    {
      expr: `sum by (${label}) (rate(${metric}{${scope}${labels}}[$__rate_interval]))`,
      legend: `{{${label}}}`,
    },
  ];
}

function quantile(share: number, metric: string, labels = ''): Query {
  return {
    expr: `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket{${scope}${labels}}[$__rate_interval])))`,
    legend: `p${share * 100}`,
  };
}

const glance: readonly Panel[] = [
  {
    title: 'Version',
    description: 'The version of the proxy in this pod.',
    kind: 'table',
    unit: 'short',
    width: 6,
    queries: [
      {
        expr: `max by (version, revision, node_version) (imds_proxy_build_info{${scope}})`,
        legend: '{{version}}',
      },
    ],
  },
  {
    title: 'Running for',
    description: 'Time since the proxy started. The cache is empty at each start.',
    kind: 'stat',
    unit: 's',
    width: 3,
    queries: [{ expr: `time() - max(imds_proxy_start_time_seconds{${scope}})`, legend: 'running' }],
  },
  {
    title: 'Keys in the cache',
    description: 'Pairs of identity and resource. 256 are the most.',
    kind: 'stat',
    unit: 'short',
    width: 3,
    steps: [{ from: 200, color: 'orange' }],
    queries: [{ expr: `sum(imds_proxy_token_cache_entries{${scope}})`, legend: 'keys' }],
  },
  {
    title: 'First token expires in',
    description: 'The proxy renews it long before. Empty while the cache has no token.',
    kind: 'stat',
    unit: 's',
    width: 4,
    isLessWorse: true,
    steps: [{ from: 600, color: 'red' }],
    queries: [
      { expr: `min(imds_proxy_token_expiry_timestamp_seconds{${scope}}) - time()`, legend: 'left' },
    ],
  },
  {
    title: 'Federated token expires in',
    description: 'Read from the file at each scrape. The kubelet renews it at 80 % of its life.',
    kind: 'stat',
    unit: 's',
    width: 4,
    isLessWorse: true,
    steps: [{ from: 300, color: 'red' }],
    queries: [
      {
        expr: `min(imds_proxy_federated_token_expiry_timestamp_seconds{${scope}}) - time()`,
        legend: 'left',
      },
    ],
  },
  {
    title: 'Last success',
    description:
      'Time since the last exchange that succeeded. Hours are normal: tokens live that long.',
    kind: 'stat',
    unit: 's',
    width: 4,
    queries: [
      {
        expr: `time() - (max(imds_proxy_token_exchange_last_success_timestamp_seconds{${scope}}) > 0)`,
        legend: 'since',
      },
    ],
  },
];

const traffic: readonly Panel[] = [
  {
    title: 'Requests by status code',
    description: 'Requests for tokens, by the status that the application got.',
    kind: 'timeseries',
    unit: 'reqps',
    width: 12,
    isStacked: true,
    queries: rateBy('code', 'imds_proxy_http_requests_total', ',route="token"'),
  },
  {
    title: 'Time to answer',
    description:
      'From receiving a token request to sending its answer. An answer from the cache takes less than a millisecond.',
    kind: 'timeseries',
    unit: 's',
    width: 12,
    queries: [
      quantile(0.5, 'imds_proxy_http_request_duration_seconds', ',route="token"'),
      quantile(0.99, 'imds_proxy_http_request_duration_seconds', ',route="token"'),
    ],
  },
  {
    title: 'Token requests by answer',
    description: 'As in the fleet: hit, stale, miss, coalesced, negative.',
    kind: 'timeseries',
    unit: 'reqps',
    width: 12,
    isStacked: true,
    queries: rateBy('result', 'imds_proxy_token_cache_requests_total'),
  },
  {
    title: 'Exchanges by result',
    description: 'A quiet pod makes one exchange for each resource and half a token life.',
    kind: 'timeseries',
    unit: 'ops',
    width: 12,
    isStacked: true,
    queries: rateBy('result', 'imds_proxy_token_exchanges_total'),
  },
  {
    title: 'Failed exchanges by AADSTS number',
    description: "Entra's own error numbers. docs/errors.md explains them.",
    kind: 'timeseries',
    unit: 'ops',
    width: 8,
    isStacked: true,
    queries: rateBy('aadsts', 'imds_proxy_token_exchange_aadsts_total'),
  },
  {
    title: 'Refused requests by rule',
    description: 'Requests that a rule of the proxy refused.',
    kind: 'timeseries',
    unit: 'reqps',
    width: 8,
    isStacked: true,
    queries: rateBy('reason', 'imds_proxy_requests_denied_total'),
  },
  {
    title: 'Requests in flight',
    description:
      'Requests that are not answered yet. They wait for Entra if there are more than a few.',
    kind: 'timeseries',
    unit: 'short',
    width: 8,
    queries: [{ expr: `sum(imds_proxy_http_requests_in_flight{${scope}})`, legend: 'in flight' }],
  },
  {
    title: 'Memory',
    description: "Working set of the container. Needs the kubelet's cAdvisor metrics.",
    kind: 'timeseries',
    unit: 'bytes',
    width: 12,
    queries: [
      { expr: `sum(container_memory_working_set_bytes{${isProxy}})`, legend: 'working set' },
      {
        expr: `max(kube_pod_container_resource_limits{${isProxy},resource="memory"} or kube_pod_init_container_resource_limits{${isProxy},resource="memory"})`,
        legend: 'limit',
      },
    ],
  },
  {
    title: 'CPU',
    description: "Share of one core. Needs the kubelet's cAdvisor metrics.",
    kind: 'timeseries',
    unit: 'percentunit',
    width: 12,
    queries: [
      {
        expr: `sum(rate(container_cpu_usage_seconds_total{${isProxy}}[$__rate_interval]))`,
        legend: 'CPU',
      },
    ],
  },
];

/** The pod that the variable selects. */
export const podRow: Row = { title: 'One pod: $pod', panels: [...glance, ...traffic] };
