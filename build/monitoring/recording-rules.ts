import { byNamespace, byPod, type RecordingRule } from './rule.ts';

/**
 * When an exchange of a pod last failed, by reason. Only while no exchange of the pod has succeeded since then,
 * and for an hour at most. Times and no rates: a rate sees nothing of an application that asks every 30
 * minutes, of a container that crashes after each failure, and of a Job whose pods fail one after the other.
 */
const failing: RecordingRule = {
  record: 'namespace_pod_result:imds_proxy_token_exchange_failing_timestamp_seconds:max1h',
  expr: `(
  max by (cluster, namespace, pod, result) (max_over_time(imds_proxy_token_exchange_last_failure_timestamp_seconds[1h]))
  > on (cluster, namespace, pod) group_left ()
  max ${byPod} (max_over_time(imds_proxy_token_exchange_last_success_timestamp_seconds[1h]))
) > time() - 3600`,
};

/** Without the refusals that clients cause by looking around: other paths and methods. */
const refusals = 'imds_proxy_requests_denied_total{reason!~"path|method|loop"}';
const byReason = 'by (cluster, namespace, pod, reason)';

/**
 * Requests that a rule refused within an hour, by pod. `increase()` would miss the requests of a new pod before
 * its first scrape, and those are often all.
 */
const denied: RecordingRule = {
  record: 'namespace_pod_reason:imds_proxy_requests_denied:increase1h',
  expr: `max ${byReason} (max_over_time(${refusals}[1h]))
- (
  max ${byReason} (max_over_time(${refusals}[1h] offset 1h))
  or
  0 * max ${byReason} (max_over_time(${refusals}[1h]))
) > 0`,
};

/** What fleet views and alerts share. Evaluated before the alerts, once per interval. */
export const recordingRules: readonly RecordingRule[] = [
  {
    record: 'namespace_version:imds_proxy_build_info:count',
    expr: 'count by (cluster, namespace, version) (imds_proxy_build_info)',
  },
  {
    record: 'namespace_result:imds_proxy_token_cache_requests:rate5m',
    expr: 'sum by (cluster, namespace, result) (rate(imds_proxy_token_cache_requests_total[5m]))',
  },
  {
    record: 'namespace:imds_proxy_token_cache_hits:ratio_rate5m',
    expr: `sum ${byNamespace} (rate(imds_proxy_token_cache_requests_total{result=~"hit|stale"}[5m]))
/
sum ${byNamespace} (rate(imds_proxy_token_cache_requests_total[5m]))`,
  },
  {
    record: 'namespace:imds_proxy_token_request_failures:ratio_rate5m',
    expr: `sum ${byNamespace} (rate(imds_proxy_token_request_failures_total[5m]))
/
sum ${byNamespace} (rate(imds_proxy_token_cache_requests_total[5m]))`,
  },
  {
    record: 'namespace_result:imds_proxy_token_exchanges:rate5m',
    expr: 'sum by (cluster, namespace, result) (rate(imds_proxy_token_exchanges_total[5m]))',
  },
  {
    record: 'namespace_le:imds_proxy_token_exchange_duration_seconds_bucket:rate5m',
    expr: 'sum by (cluster, namespace, le) (rate(imds_proxy_token_exchange_duration_seconds_bucket[5m]))',
  },
  {
    record: 'namespace:imds_proxy_token_refresh_failing:sum',
    expr: `sum ${byNamespace} (imds_proxy_token_refresh_failing)`,
  },
  failing,
  denied,
];

export const failingSeries = failing.record;
export const deniedSeries = denied.record;
