import { stringify } from 'yaml';
import { defaultAdminPort, metricsPortName, proxyName } from '../../src/inject/contract.ts';
import { toYaml } from './rules.ts';

/** The job of every proxy, however Prometheus finds it. */
const job = 'imds-proxy';

/** One rule of Prometheus' `relabel_configs`. The Prometheus Operator has the same fields in camel case. */
interface Relabelling {
  readonly sourceLabels?: readonly string[];
  readonly regex?: string;
  readonly targetLabel?: string;
  readonly replacement?: string;
  readonly action?: 'keep' | 'drop';
}

const portName = '__meta_kubernetes_pod_container_port_name';
const podIp = '__meta_kubernetes_pod_ip';

/**
 * Finds the proxies among the containers of all pods. Prometheus makes a target of each port that a container
 * declares. Ours declares its admin port by name. The webhook's declares the proxy's port, without a name, so
 * that target gets the usual admin port.
 */
const finding: readonly Relabelling[] = [
  { sourceLabels: ['__meta_kubernetes_pod_container_name'], regex: proxyName, action: 'keep' },
  // An absent label is empty.
  { sourceLabels: [portName], regex: `(${metricsPortName})?`, action: 'keep' },
  {
    sourceLabels: [portName, podIp],
    regex: ';([0-9.]+)',
    targetLabel: '__address__',
    replacement: `$1:${defaultAdminPort}`,
  },
  {
    sourceLabels: [portName, podIp],
    regex: ';(.+:.+)',
    targetLabel: '__address__',
    replacement: `[$1]:${defaultAdminPort}`,
  },
];

/** The Prometheus Operator adds these by itself. */
const naming: readonly Relabelling[] = [
  { sourceLabels: ['__meta_kubernetes_pod_phase'], regex: 'Failed|Succeeded', action: 'drop' },
  { sourceLabels: ['__meta_kubernetes_namespace'], targetLabel: 'namespace' },
  { sourceLabels: ['__meta_kubernetes_pod_name'], targetLabel: 'pod' },
  { sourceLabels: ['__meta_kubernetes_pod_container_name'], targetLabel: 'container' },
];

/** Metrics change slowly. */
const interval = '60s';

const scrapeConfigs = {
  scrape_configs: [
    {
      job_name: job,
      scrape_interval: interval,
      kubernetes_sd_configs: [{ role: 'pod' }],
      relabel_configs: [...finding, ...naming].map(({ sourceLabels, targetLabel, ...others }) => ({
        ...(sourceLabels === undefined ? {} : { source_labels: sourceLabels }),
        ...others,
        ...(targetLabel === undefined ? {} : { target_label: targetLabel }),
      })),
    },
  ],
};

const written = 'Written by npm run docs from build/monitoring/scraping.ts.';

/** For a Prometheus without the operator. */
export function renderScrapeConfig(): string {
  return toYaml(
    `Scrapes every proxy of the cluster. For a Prometheus without the operator: copy the job into prometheus.yml, or name
this file in scrape_config_files (Prometheus 2.43 and newer). Its ServiceAccount must be allowed to get, list and
watch pods.
${written}`,
    scrapeConfigs,
  );
}

/** For Azure Managed Prometheus, whose agent takes a whole Prometheus configuration from this ConfigMap. */
export function renderAzureConfigMap(): string {
  return toYaml(
    `Scrapes every proxy of the cluster, for Azure Managed Prometheus. The agent reads one ConfigMap of this name: if you
have one, copy the job into it.
${written}`,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'ama-metrics-prometheus-config', namespace: 'kube-system' },
      data: { 'prometheus-config': stringify(scrapeConfigs, { lineWidth: 0 }) },
    },
  );
}

/** For the Prometheus Operator. */
export function renderPodMonitor(): string {
  return toYaml(
    `Scrapes every proxy of the cluster, for the Prometheus Operator: proxies of inject and the chart by the name of
their port, proxies of the webhook, whose port has no name, by the usual number.
The operator takes only PodMonitors with the labels of its podMonitorSelector: add yours. For Azure Managed
Prometheus, write apiVersion: azmonitoring.coreos.com/v1.
${written}`,
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PodMonitor',
      metadata: { name: job },
      spec: {
        namespaceSelector: { any: true },
        selector: {},
        // The largest that Azure Managed Prometheus takes.
        labelLimit: 63,
        labelNameLengthLimit: 511,
        labelValueLengthLimit: 1_023,
        podMetricsEndpoints: [
          {
            path: '/metrics',
            interval,
            relabelings: [...finding, { targetLabel: 'job', replacement: job }],
          },
        ],
      },
    },
  );
}
