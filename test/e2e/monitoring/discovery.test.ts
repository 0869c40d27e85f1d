/** Which targets a real Prometheus makes of pods, by the scrape configuration and by the PodMonitor. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { toScrapeJobs } from '../../support/monitored-fleet.ts';
import {
  type DiscoveredContainer,
  type DiscoveredPod,
  discoverTargets,
} from '../../support/pod-discovery.ts';
import {
  type Prometheus,
  type PrometheusTarget,
  startPrometheus,
  withoutPrometheus,
} from '../../support/prometheus.ts';
import { describeUnless } from '../../support/skip.ts';

const folder = join(import.meta.dirname, '../../../deploy/monitoring');
const app: DiscoveredContainer = { name: 'app', ports: [{ name: 'http', containerPort: 8_080 }] };
const proxy = (...ports: NonNullable<DiscoveredContainer['ports']>): DiscoveredContainer => ({
  name: 'azwi-proxy',
  ports,
});
const named = { name: 'imds-metrics', containerPort: 9_808 };
const unnamed = { containerPort: 8_000 };

/** Pods by name: the containers, the address, and the target that is right. */
const cases: Readonly<
  Record<
    string,
    {
      readonly containers: readonly DiscoveredContainer[];
      readonly initContainers?: readonly DiscoveredContainer[];
      readonly ip?: string;
      readonly phase?: string;
      readonly target: string | undefined;
    }
  >
> = {
  webhook: { containers: [proxy(unnamed), app], target: '127.0.0.9:9808' },
  'webhook-native': {
    containers: [app],
    initContainers: [{ name: 'azwi-proxy-init' }, proxy(unnamed)],
    target: '127.0.0.9:9808',
  },
  'webhook-starting': {
    containers: [proxy(unnamed), app],
    phase: 'Pending',
    target: '127.0.0.9:9808',
  },
  'webhook-ipv6': { containers: [proxy(unnamed)], ip: 'fd00::9', target: '[fd00::9]:9808' },
  inject: { containers: [app], initContainers: [proxy(named)], target: '127.0.0.9:9808' },
  'inject-ipv6': { containers: [proxy(named)], ip: '::1', target: '[::1]:9808' },
  'inject-other-port': {
    containers: [proxy({ name: 'imds-metrics', containerPort: 19_808 })],
    target: '127.0.0.9:19808',
  },
  'without-ports': { containers: [{ name: 'azwi-proxy' }], target: '127.0.0.9:9808' },
  // Both ports lead to the same place.
  'two-ports': { containers: [proxy(named, unnamed)], target: '127.0.0.9:9808' },
  'other-name': {
    containers: [proxy({ name: 'debug', containerPort: 6_060 })],
    target: undefined,
  },
  'without-proxy': { containers: [app], target: undefined },
  completed: { containers: [proxy(unnamed)], phase: 'Succeeded', target: undefined },
  failed: { containers: [proxy(unnamed)], phase: 'Failed', target: undefined },
};

const pods = Object.entries(cases).map(
  ([
    name,
    { containers, initContainers = [], ip = '127.0.0.9', phase = 'Running' },
  ]): DiscoveredPod => ({
    metadata: { namespace: 'shop', name },
    spec: { containers, initContainers },
    status: { phase, podIP: ip },
  }),
);

interface Relabelling {
  readonly sourceLabels?: readonly string[];
  readonly targetLabel?: string;
}

/** The job that the Prometheus Operator makes of the PodMonitor: its own rules, then the monitor's. */
function toOperatorJob(): object {
  const { metadata, spec } = parse(readFileSync(join(folder, 'pod-monitor.yaml'), 'utf8'));
  const [endpoint] = spec.podMetricsEndpoints;
  const meta = (label: string, target: string): object => ({
    source_labels: [`__meta_kubernetes_${label}`],
    target_label: target,
  });
  return {
    job_name: `podMonitor/monitoring/${metadata.name}/0`,
    metrics_path: endpoint.path,
    static_configs: pods.flatMap(discoverTargets),
    relabel_configs: [
      { source_labels: ['job'], target_label: '__tmp_prometheus_job_name' },
      {
        source_labels: ['__meta_kubernetes_pod_phase'],
        regex: '(Failed|Succeeded)',
        action: 'drop',
      },
      meta('namespace', 'namespace'),
      meta('pod_container_name', 'container'),
      meta('pod_name', 'pod'),
      { target_label: 'job', replacement: `monitoring/${metadata.name}` },
      ...endpoint.relabelings.map(({ sourceLabels, targetLabel, ...others }: Relabelling) => ({
        ...others,
        ...(sourceLabels === undefined ? {} : { source_labels: sourceLabels }),
        ...(targetLabel === undefined ? {} : { target_label: targetLabel }),
      })),
    ],
  };
}

describeUnless(withoutPrometheus, 'the targets of pods', () => {
  let prometheus: Prometheus;
  let targets: readonly PrometheusTarget[];
  beforeAll(async () => {
    prometheus = await startPrometheus({
      // Nothing listens there, and nothing needs to.
      global: { scrape_interval: '1h' },
      scrape_configs: [...toScrapeJobs(pods), toOperatorJob()],
    });
    const deadlineAt = performance.now() + 60_000;
    do {
      targets = await prometheus.targets();
    } while (
      new Set(targets.map((target) => target.scrapePool)).size < 2 &&
      performance.now() < deadlineAt
    );
  });
  afterAll(() => prometheus[Symbol.asyncDispose]());

  test.each(['imds-proxy', 'podMonitor/monitoring/imds-proxy/0'])(
    '%s finds every proxy that can run, once',
    (pool) => {
      const found = targets
        .filter((target) => target.scrapePool === pool)
        .map(({ labels, scrapeUrl }) => ({ labels, scrapeUrl }));
      const expected = Object.entries(cases).flatMap(([name, { target }]) =>
        target === undefined
          ? []
          : [
              {
                labels: {
                  job: 'imds-proxy',
                  instance: target,
                  namespace: 'shop',
                  pod: name,
                  container: 'azwi-proxy',
                },
                scrapeUrl: `http://${target}/metrics`,
              },
            ],
      );
      const byPod = (a: { labels: { pod?: string } }, b: { labels: { pod?: string } }): number =>
        `${a.labels.pod}`.localeCompare(`${b.labels.pod}`);
      expect(found.toSorted(byPod)).toEqual(expected.toSorted(byPod));
    },
  );
});
