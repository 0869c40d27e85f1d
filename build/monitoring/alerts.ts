import { deniedSeries, failingSeries } from './recording-rules.ts';
import { type Alert, byPod, forEachOf, type PodQuery, select } from './rule.ts';

const namespace = 'namespace {{ $labels.namespace }}';
const pods = `{{ $value }} pods of ${namespace}`;

/** Pods whose last exchange failed for one of these reasons. */
function failingBy(reasons: string): PodQuery {
  return (scope) => `max ${byPod} (${select(failingSeries, scope, `result=~"${reasons}"`)})`;
}

/** To kube-state-metrics, a native sidecar is an init container. */
const kinds = ['container', 'init_container'];
const isProxy = 'container="azwi-proxy"';
const isInit = 'container="azwi-proxy-init"';

/** The same query for both kinds of sidecar, or for whichever the pod has. */
function ofEitherKind(toQuery: (kind: string) => string): string {
  return `(${kinds.map((kind) => `max ${byPod} (${toQuery(kind)})`).join(' or ')})`;
}

/** Restarts in the last hour: as kube-state-metrics counts them, otherwise as the proxy's start shows them. */
const restarts: PodQuery = (scope) => `(
  ${ofEitherKind((kind) => `increase(${select(`kube_pod_${kind}_status_restarts_total`, scope, isProxy)}[1h])`)}
  or
  max ${byPod} (changes(${select('imds_proxy_start_time_seconds', scope)}[1h]))
)`;

const outOfMemory: PodQuery = (scope) => {
  const isKilled = ofEitherKind((kind) =>
    select(`kube_pod_${kind}_status_last_terminated_reason`, scope, isProxy, 'reason="OOMKilled"'),
  );
  return `${isKilled} > 0\nand\n${restarts(scope)} > 0`;
};

/** proxy-init ended with an error within ten minutes, or waits for its next attempt. */
const withoutRedirect: PodQuery = (scope) => {
  const lately = (what: string, reason: string): string =>
    `max ${byPod} (max_over_time(${select(`kube_pod_init_container_status_${what}_reason`, scope, isInit, reason)}[10m]))`;
  return `(
  ${lately('waiting', 'reason="CrashLoopBackOff"')} > 0
  or
  ${lately('terminated', 'reason!="Completed"')} > 0
)`;
};

const withoutMetrics: PodQuery = (scope) => `${ofEitherKind((kind) =>
  select(`kube_pod_${kind}_status_running`, scope, isProxy),
)} == 1
unless
max ${byPod} (${select('imds_proxy_build_info', scope)})`;

const withoutIdentity: PodQuery = (
  scope,
) => `max ${byPod} (${select(deniedSeries, scope, 'reason="identity"')})
and
max ${byPod} (${select('imds_proxy_default_identity_configured', scope)}) == 0`;

const withExpiringToken: PodQuery = (scope) =>
  `min ${byPod} (${select('imds_proxy_token_refresh_failing_expiry_timestamp_seconds', scope)}) - time() < 1800`;

/** The kubelet renews a token when 20 % of its life are left, and takes up to two minutes for it. */
const withStaleToken: PodQuery = (scope) => {
  const expiry = select('imds_proxy_federated_token_expiry_timestamp_seconds', scope);
  const issued = select('imds_proxy_federated_token_issued_timestamp_seconds', scope);
  return `max ${byPod} (
  ${expiry} - time() < 0.15 * (${expiry} - ${issued})
  and
  ${expiry} > time()
)`;
};

const withUnusableToken: PodQuery = (scope) =>
  `max ${byPod} (${select('imds_proxy_federated_token_usable', scope)} == 0)`;

const withFailingRequests: PodQuery = (scope) =>
  `sum ${byPod} (rate(${select('imds_proxy_token_request_failures_total', scope)}[5m])) > 0`;

/**
 * SDKs look for IMDS with a request without the header, once in each process. The other rules refuse only what
 * no IMDS client sends or the operator has forbidden.
 */
const isDenied = (by: string, scope = ''): string => `max ${by} (
  ${select(deniedSeries, scope, 'reason="metadata_header"')} > 40
  or
  ${select(deniedSeries, scope, 'reason!~"metadata_header|identity"')} > 10
)`;

const numbers = forEachOf(
  (scope) =>
    `count by (aadsts) (max_over_time(${select('imds_proxy_token_exchange_aadsts_total', scope)}[1h]) > 0)`,
  ' {{ .Labels.aadsts }}',
);

/** Every alert, those that page first. docs/runbooks has a page for each. */
export const alerts: readonly Alert[] = [
  {
    alert: 'ImdsProxyTokenExpiring',
    severity: 'critical',
    pods: withExpiringToken,
    for: '3m',
    summary: `Tokens in ${namespace} expire within 30 minutes, and their refresh fails.`,
    description: `${pods} serve a cached token that expires within 30 minutes, and every refresh fails. Applications notice nothing yet. When the token expires, they get errors instead of tokens and cannot sign in to Azure.`,
  },
  {
    alert: 'ImdsProxyTokenRequestsFailing',
    severity: 'critical',
    expr: 'namespace:imds_proxy_token_request_failures:ratio_rate5m > 0.05',
    pods: withFailingRequests,
    for: '10m',
    summary: `Applications in ${namespace} get errors instead of tokens.`,
    description: `{{ $value | humanizePercentage }} of the token requests in ${namespace} get an error. These applications cannot sign in to Azure.`,
  },
  {
    alert: 'ImdsProxyExchangesRejected',
    severity: 'warning',
    pods: failingBy('rejected'),
    for: '10m',
    summary: `Entra refuses the federated tokens of ${namespace}.`,
    description: `Entra refuses the exchanges of ${pods}. Applications without a cached token get status 400 with Entra's error. The others follow when their token expires. AADSTS numbers in the last hour:${numbers}.`,
  },
  {
    alert: 'ImdsProxyEntraUnreachable',
    severity: 'warning',
    pods: failingBy('unavailable|timeout'),
    for: '10m',
    summary: `Pods in ${namespace} get no answer from Entra.`,
    description: `${pods} get no usable answer from Entra or from the AKS token proxy. Applications without a cached token get status 503 after up to 23 s. The others follow when their token expires.`,
  },
  {
    alert: 'ImdsProxyThrottled',
    severity: 'warning',
    pods: failingBy('throttled'),
    for: '10m',
    summary: `Entra throttles ${namespace}.`,
    description: `Entra answers ${pods} with "too many requests". Applications without a cached token get status 429 and should wait. The others notice nothing until their token expires.`,
  },
  {
    alert: 'ImdsProxyFederatedTokenUnusable',
    severity: 'warning',
    pods: withUnusableToken,
    for: '10m',
    summary: `Pods in ${namespace} have no usable federated token.`,
    description: `In ${pods}, the federated token file is missing, unreadable or malformed, or its token has expired or has a wrong audience. No exchange can succeed with it. Applications without a cached token get status 503. The others follow when their token expires.`,
  },
  {
    alert: 'ImdsProxyFederatedTokenStale',
    severity: 'warning',
    pods: withStaleToken,
    for: '5m',
    summary: `The kubelet does not renew the federated tokens of ${namespace}.`,
    description: `The federated token of ${pods} has less than 15 % of its life left. The kubelet replaces it when 20 % are left, so the renewal is overdue. Applications notice nothing yet. When the federated token expires, no exchange can succeed.`,
  },
  {
    alert: 'ImdsProxyInternalError',
    severity: 'warning',
    pods: failingBy('internal_error'),
    for: '5m',
    summary: `The proxy itself fails in ${namespace}.`,
    description: `Exchanges of ${pods} end with an error of the proxy itself. Applications without a cached token get status 500. The others follow when their token expires.`,
  },
  {
    alert: 'ImdsProxyNoIdentity',
    severity: 'warning',
    pods: withoutIdentity,
    summary: `Pods in ${namespace} request tokens and have no client ID.`,
    description: `${pods} have no client ID, and within the last hour their applications requested a token without naming one. These requests get status 400. Usually the annotation azure.workload.identity/client-id of the ServiceAccount is missing.`,
  },
  {
    alert: 'ImdsProxyRequestsDenied',
    severity: 'warning',
    expr: isDenied('by (cluster, namespace, reason)'),
    pods: (scope) => isDenied(byPod, scope),
    summary: `The proxy refuses requests in ${namespace} ({{ $labels.reason }}).`,
    description: `A pod of ${namespace} had {{ $value }} requests refused within an hour, by the rule {{ $labels.reason }}. Either a client is configured wrongly and gets status 400, or someone uses the application to reach the metadata address (server-side request forgery).`,
  },
  {
    alert: 'ImdsProxyRestarting',
    severity: 'warning',
    pods: (scope) => `${restarts(scope)} >= 3`,
    summary: `The proxy restarts again and again in ${namespace}.`,
    description: `In ${pods}, the proxy restarted three times or more within an hour. At each restart, applications get "connection refused" until the proxy listens again, and the cached tokens are lost.`,
  },
  {
    alert: 'ImdsProxyOutOfMemory',
    severity: 'warning',
    needsKubeStateMetrics: true,
    pods: outOfMemory,
    summary: `The proxy exceeds its memory limit in ${namespace}.`,
    description: `In ${pods}, the kernel ended the proxy within the last hour because it exceeded its memory limit. Applications got "connection refused" until the proxy listened again, and the cached tokens are lost.`,
  },
  {
    alert: 'ImdsProxyRedirectFailed',
    severity: 'warning',
    needsKubeStateMetrics: true,
    pods: withoutRedirect,
    for: '5m',
    summary: `Pods in ${namespace} do not start: proxy-init fails.`,
    description: `In ${pods}, proxy-init ends with an error. There is no verified redirect, so the application does not start. kubectl describe pod shows the message and the remedy.`,
  },
  {
    alert: 'ImdsProxyNotScraped',
    severity: 'info',
    needsKubeStateMetrics: true,
    pods: withoutMetrics,
    for: '15m',
    summary: `Prometheus has no metrics of proxies in ${namespace}.`,
    description: `In ${pods}, a container azwi-proxy is running and Prometheus has no metrics of it. Applications notice nothing, but the other alerts cannot see these pods.`,
  },
  {
    alert: 'ImdsProxyVersionSkew',
    severity: 'info',
    expr: 'count by (cluster) (sum by (cluster, version) (namespace_version:imds_proxy_build_info:count)) > 1',
    for: '24h',
    summary: 'Proxies of several versions have been running for a day.',
    description:
      'Proxies of {{ $value }} versions have been running for a day. Applications notice nothing, but pods of an old version lack the fixes of the new one. Usually some workloads were not restarted after the upgrade.',
  },
];
