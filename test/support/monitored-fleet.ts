/**
 * A small fleet with everything around it: real proxies under load, a real Prometheus that finds them by the
 * shipped configuration and evaluates the shipped rules, and stand-ins for Kubernetes' list of pods, the kubelet's
 * cAdvisor and kube-state-metrics.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Emulator } from '../../src/emulator/api.ts';
import { startEmulator } from './emulator.ts';
import { type DiscoveredPod, discoverTargets } from './pod-discovery.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';
import { findFreePort, memoryLimitBytes, type ProxyProcess, startProxy } from './proxy-process.ts';

const root = join(import.meta.dirname, '../..');

/** How a container came into its pod: the webhook names no port, inject names the admin port. */
type Origin = 'webhook' | 'inject';

interface Plan {
  readonly namespace: string;
  readonly name: string;
  readonly from: Origin;
  /** The emulator's own if not set. */
  readonly clientId?: string;
}

/** A pod of the fleet. */
export interface FleetPod extends Plan {
  readonly proxy: ProxyProcess;
  readonly ip: string;
  readonly adminPort: number;
}

/** Identities that Entra does not know. */
const unknown = 'dddddddd-0000-4000-8000-00000000000d';

const plans: readonly Plan[] = [
  { namespace: 'shop', name: 'checkout-7f9c-x2k4', from: 'webhook' },
  { namespace: 'shop', name: 'catalog-5d8b-9qvz', from: 'inject' },
  { namespace: 'bank', name: 'ledger-0', from: 'webhook', clientId: unknown },
  { namespace: 'bank', name: 'reports-28411-b7', from: 'inject', clientId: '' },
];

export interface MonitoredFleet extends AsyncDisposable {
  readonly emulator: Emulator;
  readonly prometheus: Prometheus;
  readonly pods: readonly FleetPod[];
}

/**
 * Starts the fleet. From now on, its applications ask for tokens.
 * @param scrapeSeconds between two scrapes, and between two evaluations of the rules.
 */
export async function startMonitoredFleet(scrapeSeconds: number): Promise<MonitoredFleet> {
  const ends: (() => Promise<void>)[] = [];
  const end = async (): Promise<void> => {
    for (const next of ends.splice(0).reverse()) await next();
  };
  const own = <T extends AsyncDisposable>(part: T): T => {
    ends.push(async () => part[Symbol.asyncDispose]());
    return part;
  };
  try {
    const emulator = await startEmulator();
    ends.push(() => emulator.stop());
    const pods: FleetPod[] = [];
    for (const [index, plan] of plans.entries()) {
      // The webhook's pods all have the usual port, so that each needs its own address.
      const ip = toAddress(index + 1);
      const adminPort = plan.from === 'webhook' ? 9_808 : await findFreePort();
      const proxy = await startProxy(emulator, {
        env: plan.clientId === undefined ? {} : { AZURE_CLIENT_ID: plan.clientId },
        args: [`--admin-address=${ip}`, `--admin-port=${adminPort}`],
        logLevel: 'info',
      });
      pods.push({ ...plan, proxy: own(proxy), ip, adminPort });
    }
    own(keepAsking(pods));
    const cluster = own(await startClusterMetrics(pods));
    const config = toConfig(pods.map(toPod), cluster.address, scrapeSeconds);
    const prometheus = own(await startPrometheus(config));
    return { emulator, prometheus, pods, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Of loopback, and of this process alone: other test runs need the usual port as well. */
function toAddress(host: number): string {
  return `127.${64 + ((process.pid >> 8) & 63)}.${process.pid & 255}.${host}`;
}

/** The pod as Kubernetes lists it. */
function toPod({ namespace, name, from, ip, adminPort }: FleetPod): DiscoveredPod {
  const ports =
    from === 'webhook'
      ? [{ containerPort: 8_000 }]
      : [{ name: 'imds-metrics', containerPort: adminPort }];
  const proxy = { name: 'azwi-proxy', ports };
  const app = { name: 'app', ports: [{ containerPort: 8_080 }] };
  const init = { name: 'azwi-proxy-init' };
  return {
    metadata: { namespace, name },
    spec:
      from === 'webhook'
        ? { initContainers: [init], containers: [proxy, app] }
        : { initContainers: [init, proxy], containers: [app] },
    status: { phase: 'Running', podIP: ip },
  };
}

/** The jobs of deploy/monitoring/scrape-config.yaml, which find these pods. */
export function toScrapeJobs(pods: readonly DiscoveredPod[]): readonly object[] {
  const file = join(root, 'deploy/monitoring/scrape-config.yaml');
  const shipped = parse(readFileSync(file, 'utf8')) as {
    readonly scrape_configs: readonly Readonly<Record<string, unknown>>[];
  };
  return shipped.scrape_configs.map(({ kubernetes_sd_configs: _, ...job }) => ({
    ...job,
    static_configs: pods.flatMap(discoverTargets),
  }));
}

/** The shipped scrape configuration and rules, with these pods and a shorter interval. */
function toConfig(
  pods: readonly DiscoveredPod[],
  clusterMetrics: string,
  scrapeSeconds: number,
): object {
  const interval = `${scrapeSeconds}s`;
  const [job] = toScrapeJobs(pods);
  return {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: [join(root, 'deploy/monitoring/rules.yaml')],
    scrape_configs: [
      { ...job, scrape_interval: interval },
      {
        job_name: 'cluster',
        honor_labels: true,
        static_configs: [{ targets: [clusterMetrics] }],
      },
    ],
  };
}

/** The metrics of the kubelet and of kube-state-metrics about the proxies, from the counters of the kernel. */
async function startClusterMetrics(
  pods: readonly FleetPod[],
): Promise<AsyncDisposable & { readonly address: string }> {
  const server = createServer((_, response) => {
    const lines = pods.flatMap(({ namespace, name, from, proxy: { pid } }) => {
      const labels = `namespace="${namespace}",pod="${name}",container="azwi-proxy"`;
      const kind = from === 'webhook' ? 'container' : 'init_container';
      return [
        `container_memory_working_set_bytes{${labels}} ${readMemoryBytes(pid)}`,
        `container_cpu_usage_seconds_total{${labels}} ${readCpuSeconds(pid)}`,
        `kube_pod_${kind}_resource_limits{${labels},resource="memory"} ${memoryLimitBytes}`,
        `kube_pod_${kind}_status_running{${labels}} 1`,
        `kube_pod_${kind}_status_restarts_total{${labels}} 0`,
      ];
    });
    response.end(`${lines.join('\n')}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function readMemoryBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]) * 1_024;
}

/** The kernel counts in hundredths of a second. */
function readCpuSeconds(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number);
  return (user + system) / 100;
}

const resources = ['https://vault.azure.net', 'https://storage.azure.com', 'https://graph.example'];

/** Requests of applications, some of them wrong, until it is disposed of. */
function keepAsking(pods: readonly FleetPod[]): AsyncDisposable {
  let isOver = false;
  const ask = async ({ proxy }: FleetPod, query: string, isRight = true): Promise<void> => {
    const path = `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${query}`;
    const headers: Record<string, string> = isRight ? { Metadata: 'true' } : {};
    const response = await fetch(`${proxy.url}${path}`, { headers });
    await response.arrayBuffer();
  };
  const askInTurn = async (pod: FleetPod): Promise<void> => {
    for (let turn = 0; !isOver; turn += 1) {
      const resource = resources[turn % resources.length] ?? '';
      // A proxy that ends with the fleet cuts its last request off.
      await ask(pod, resource).catch(() => {});
      if (turn % 10 === 0) await ask(pod, `${resource}&client_id=${unknown}`).catch(() => {});
      if (turn % 7 === 0) await ask(pod, resource, false).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const running = Promise.all(pods.map(askInTurn));
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      await running;
    },
  };
}
