/** A migration as docs/migration.md has it: dumped by kubectl, planned, written, applied, checked and cleaned up. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Plan } from '../../../src/migrate/plan.ts';
import { answerOf, askInside, toClaims } from '../../support/docker-app.ts';
import { useKubernetes } from '../../support/kubernetes.ts';
import { findPod, untilRolledOut } from '../../support/kubernetes-pod.ts';
import { binding, identity, resourceId } from '../../support/migrate.ts';
import { podIdentityDefinitions } from '../../support/pod-identity-definitions.ts';

const kubernetes = useKubernetes();
const { cluster, tenant } = kubernetes;
const { binaries, state } = inject('kubernetes');
const program = join(import.meta.dirname, '../../../dist/proxy');

const namespace = 'migrated';
const [orders, payments, storage] = [randomUUID(), randomUUID(), randomUUID()];

interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;

function run(file: string, argv: readonly string[]): Promise<Run> {
  const env = {
    PATH: `${binaries}${delimiter}${process.env['PATH']}`,
    KUBECONFIG: join(state, 'kubeconfig'),
    // Nothing runs here that would take identities away from nodes.
    CLEANUP_WAIT_SECONDS: '5',
  };
  return new Promise((resolve) => {
    execFile(file, [...argv], { cwd: folder, env, timeout: 90_000 }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : Number(error.code ?? Number.NaN);
      resolve({ exitCode, stdout, stderr });
    });
  });
}

const migrate = (...argv: readonly string[]): Promise<Run> => run(program, ['migrate', ...argv]);

/** A Deployment of somebody who uses AAD Pod Identity. */
function toDeployment(app: string, label: string, serviceAccountName?: string): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: app, namespace },
    spec: {
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels: { app, aadpodidbinding: label } },
        spec: {
          ...(serviceAccountName !== undefined && { serviceAccountName }),
          containers: [{ name: 'app', image: tenant.images.app, imagePullPolicy: 'Never' }],
        },
      },
    },
  };
}

/** As docs/migration.md dumps a cluster. */
async function dump(file: string): Promise<void> {
  const podIdentity = 'azureidentities,azureidentitybindings,azurepodidentityexceptions';
  const kinds = `${podIdentity},ns,sa,deploy,sts,ds,cronjobs,jobs,pods`;
  const text = await cluster.kubectl(['get', kinds, '--all-namespaces', '--output=yaml']);
  await writeFile(join(folder, file), text);
}

const apps = ['orders', 'checkout'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imds-proxy migrate '));
  await cluster.apply(podIdentityDefinitions);
  await cluster.kubectl([
    'wait',
    '--for=condition=established',
    '--timeout=30s',
    'customresourcedefinitions',
    '--all',
  ]);
  await kubernetes.createAccounts({ [namespace]: ['checkout'] });
  const named = (name: string, clientID: string): object =>
    identity(name, { namespace, spec: { clientID } });
  await cluster.apply([
    named('orders', orders.toUpperCase()),
    named('payments', payments),
    named('storage', storage),
    binding('orders', 'orders', 'orders', { namespace }),
    binding('payments', 'payments', 'checkout', { namespace }),
    binding('storage', 'storage', 'checkout', { namespace }),
  ]);
  await cluster.apply([
    toDeployment('orders', 'orders'),
    toDeployment('checkout', 'checkout', 'checkout'),
  ]);
  for (const app of apps) await untilRolledOut(cluster, namespace, `deployment/${app}`);
});

afterAll(async () => {
  const names = podIdentityDefinitions.map((one) => Object(one).metadata.name);
  await cluster.kubectl(['delete', '--ignore-not-found', 'customresourcedefinitions', ...names]);
  await rm(folder, { recursive: true, force: true });
});

describe('a cluster with AAD Pod Identity', () => {
  it('is dumped, and depends on it', async () => {
    await dump('before.yaml');
    const { exitCode, stdout } = await migrate('--check', 'before.yaml');
    expect(exitCode).toBe(1);
    for (const app of apps) {
      expect(stdout).toContain(`Deployment ${namespace}/${app}: label aadpodidbinding: ${app}`);
    }
  });

  it('takes the written files, which the API server accepts in a dry run too', async () => {
    const { injectFlags } = kubernetes;
    const flags = [
      ...injectFlags(orders).filter((flag) => !flag.startsWith('--client-id')),
      `--issuer=${tenant.issuerUrl}`,
    ];
    const { stdout } = await migrate('--output=json', ...flags, 'before.yaml');
    const plan: Plan = JSON.parse(stdout);
    const written = await migrate('--write=migration', ...flags, 'before.yaml');
    expect(written.exitCode, written.stderr).toBe(0);

    // For an Entra of the tests; federated-credentials.sh asks a real one.
    for (const clientId of [orders, payments, storage]) {
      const subjects = plan.federatedCredentials
        .filter((one) => one.clientId === clientId)
        .map(({ subject }) => subject.replace('system:serviceaccount:', ''));
      await kubernetes.addIdentity(clientId, subjects, clientId);
    }
    const accounts = ['--server-side', '--filename=migration/serviceaccounts.yaml'];
    const workloads = [`--filename=migration/workloads/${namespace}/`];
    for (const files of [accounts, workloads]) {
      for (const more of [['--dry-run=server'], []]) {
        const applied = await run('kubectl', ['apply', ...files, ...more]);
        expect(applied.exitCode, applied.stderr).toBe(0);
      }
    }
    for (const app of apps) await untilRolledOut(cluster, namespace, `deployment/${app}`);
  });

  it.each([
    ['orders', 'orders', orders],
    ['checkout', 'checkout', payments],
  ])('%s then has tokens of its identity', async (app, account, clientId) => {
    const pod = await findPod(cluster, namespace, app);
    const answer = await answerOf(pod.container('app'), 'start');
    expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
    expect(toClaims(answer)).toMatchObject({ appid: clientId });
    expect(await kubernetes.requestsOf(`${namespace}:${account}`)).not.toEqual([]);
  });

  it('an application that names the resource ID of its other identity gets that one', async () => {
    const pod = await findPod(cluster, namespace, 'checkout');
    const query = `api-version=2018-02-01&resource=https://vault.azure.net&msi_res_id=${resourceId('storage')}`;
    const path = `/metadata/identity/oauth2/token?${query}`;
    const answer = await askInside(pod.container('app'), path);
    expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
    expect(toClaims(answer)).toMatchObject({ appid: storage });
  });

  it('no longer depends on it, and needs nothing else', async () => {
    await dump('after.yaml');
    const { exitCode, stdout } = await migrate('--check', 'after.yaml');
    expect([exitCode, stdout]).toEqual([
      0,
      expect.stringMatching(/^nothing depends on AAD Pod Id/),
    ]);
    const { stdout: table } = await migrate('--output=json', 'after.yaml');
    const { serviceAccounts, workloads }: Plan = JSON.parse(table);
    const own = <T extends { readonly namespace: string }>(all: readonly T[]): readonly T[] =>
      all.filter((one) => one.namespace === namespace);
    expect(own(serviceAccounts)).toEqual([]);
    expect(own(workloads).map(({ injection }) => injection.kind)).toEqual(['none', 'none']);
  });

  it('is clean after cleanup.sh, whatever finalizers are left', async () => {
    await cluster.apply([
      {
        apiVersion: 'aadpodidentity.k8s.io/v1',
        kind: 'AzureAssignedIdentity',
        metadata: {
          name: 'left-behind',
          namespace,
          finalizers: ['azureassignedidentity.finalizers.aadpodidentity.k8s.io'],
        },
        spec: { pod: 'gone', podNamespace: namespace },
      },
    ]);
    const { exitCode, stdout, stderr } = await run('migration/cleanup.sh', ['--yes']);
    expect(exitCode, `${stdout}${stderr}`).toBe(0);
    const args = ['api-resources', '--api-group=aadpodidentity.k8s.io', '--no-headers'];
    expect(await cluster.kubectl(args)).toBe('');
  });
});
