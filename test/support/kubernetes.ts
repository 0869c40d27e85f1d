import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { V1ServiceAccount } from '@kubernetes/client-node';
import { inject } from 'vitest';
import type { Identity } from '../../src/emulator/entra-tenant/identity.ts';
import type { JournalEntry } from '../../src/emulator/journal.ts';
import { type AskEmulator, createAsk } from './emulator-admin.ts';
import { type Cluster, toCluster } from './kubernetes-cluster.ts';
import type { KubernetesTenant } from './kubernetes-tenant.ts';
import { type ClusterVersions, minorOf } from './kubernetes-versions.ts';
import { describeUnless } from './skip.ts';

/** Of the first Kubernetes with everything that the tests of a current one ask for. */
const currentMinor = 36;
const proxyProgram = join(import.meta.dirname, '../../dist/proxy');

export type Sidecar = 'native' | 'classic';

/** What the tests of project `kubernetes` have: a cluster, and an Entra that trusts its tokens. */
export interface Kubernetes {
  readonly cluster: Cluster;
  readonly versions: ClusterVersions;
  /** A Kubernetes with native sidecars and admission policies that mutate, not the 1.20 of Debian. */
  readonly isCurrent: boolean;
  readonly tenant: Omit<KubernetesTenant, 'stop'>;
  readonly ask: AskEmulator;
  /** Creates namespaces and, in each, ServiceAccounts, unless they are there. */
  createAccounts(accounts: Readonly<Record<string, readonly string[]>>): Promise<void>;
  /** Adds an identity that these subjects, `NAMESPACE:NAME`, may have tokens of. */
  addIdentity(
    name: string,
    accounts: readonly string[],
    clientId?: string,
    tenantId?: string,
  ): Promise<Identity>;
  /** What Entra was asked with tokens of a ServiceAccount, `NAMESPACE:NAME`. */
  requestsOf(account: string): Promise<readonly JournalEntry[]>;
  /** Runs the built `proxy inject`, or `uninject`, on a manifest; resolves with its result and report. */
  filter(
    command: 'inject' | 'uninject',
    flags: readonly string[],
    manifest: string,
  ): Promise<{ readonly exitCode: number; readonly output: string; readonly report: string }>;
  /** The flags of `inject` for pods that this cluster can run, with native sidecars if it knows them. */
  injectFlags(clientId: string, sidecar?: Sidecar): readonly string[];
}

/** A `describe` for what Kubernetes 1.20 does not have: native sidecars, policies, the chart. */
export function describeOnCurrent(name: string, tests: () => void): void {
  const isCurrent = minorOf(inject('kubernetes').versions) >= currentMinor;
  describeUnless(isCurrent ? undefined : 'needs a current Kubernetes', name, tests);
}

export function useKubernetes(): Kubernetes {
  const { binaries, state, versions, ...tenant } = inject('kubernetes');
  const cluster = toCluster({ binaries, state });
  const isCurrent = minorOf(versions) >= currentMinor;
  const ask = createAsk(tenant.adminUrl);
  return {
    cluster,
    versions,
    isCurrent,
    tenant,
    ask,
    async createAccounts(accounts) {
      const namespaces = Object.keys(accounts).map(toNamespace);
      const serviceAccounts = Object.entries(accounts).flatMap(([namespace, names]) =>
        names.map((name) => toServiceAccount(namespace, name)),
      );
      const objects = [...namespaces, ...serviceAccounts];
      if (objects.length === 0) return;
      await cluster.apply(objects);
      await Promise.all(Object.keys(accounts).map((namespace) => untilUsable(cluster, namespace)));
    },
    addIdentity: (name, accounts, clientId = randomUUID(), tenantId = tenant.tenantId) =>
      ask('POST', '/identities', {
        name,
        tenantId,
        clientId,
        credentials: accounts.map((account) => ({
          issuer: tenant.issuerUrl,
          subject: `system:serviceaccount:${account}`,
          audience: 'api://AzureADTokenExchange',
        })),
      }),
    async requestsOf(account) {
      const entries = await ask<readonly JournalEntry[]>('GET', '/journal');
      return entries.filter(({ assertion }) => {
        return assertion?.sub === `system:serviceaccount:${account}`;
      });
    },
    filter: (command, flags, manifest) =>
      new Promise((resolve) => {
        const running = execFile(
          process.execPath,
          [proxyProgram, command, ...flags],
          { timeout: 30_000 },
          (error, output, report) => {
            // One that was ended at its deadline has no code.
            const exitCode = error === null ? 0 : Number(error.code ?? Number.NaN);
            resolve({ exitCode, output, report });
          },
        );
        running.stdin?.end(manifest);
      }),
    injectFlags: (clientId, sidecar = isCurrent ? 'native' : 'classic') => [
      sidecar === 'native' ? '--native-sidecar' : '--classic',
      '--webhook=absent',
      `--proxy-image=${tenant.images.proxy}`,
      `--init-image=${tenant.images.init}`,
      `--client-id=${clientId}`,
      `--tenant-id=${tenant.tenantId}`,
      `--authority-host=${tenant.authorityHost}`,
    ],
  };
}

function toNamespace(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

function toServiceAccount(namespace: string, name: string): V1ServiceAccount {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } };
}

/** A pod is refused until a controller has made the namespace's default ServiceAccount. */
async function untilUsable(cluster: Cluster, namespace: string): Promise<void> {
  const deadlineAt = Date.now() + 30_000;
  for (;;) {
    const args = ['get', 'serviceaccounts', `--namespace=${namespace}`, '--output=name'];
    if ((await cluster.kubectl(args)).includes('serviceaccount/default')) return;
    if (Date.now() > deadlineAt) throw new Error(`${namespace} has no default ServiceAccount`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
