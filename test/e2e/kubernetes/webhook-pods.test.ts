import { afterAll, beforeAll, expect, it } from 'vitest';
import { answerOf, askInside, toClaims } from '../../support/docker-app.ts';
import { describeOnCurrent, useKubernetes } from '../../support/kubernetes.ts';
import type { Manifest } from '../../support/kubernetes-manifest.ts';
import { type ClusterPod, findPod } from '../../support/kubernetes-pod.ts';
import { readPolicies, untilPolicy } from '../../support/kubernetes-policies.ts';
import {
  readWebhookPods,
  recordedClientId,
  tokenProxyCa,
  withUpstreamImages,
} from '../../support/kubernetes-webhook.ts';

const kubernetes = useKubernetes();
const { cluster, tenant } = kubernetes;
const token =
  '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net';
/** One of each form; test/e2e/containers has all of them. */
const names = [
  'native: simple',
  'native: service account without client ID',
  'native: service account with tenant and expiry',
  'native: port, init containers, own client ID, skipped container, pod security context',
  'native: job',
  'native: identity binding, CA from config map',
  'classic: simple',
  'classic: port, init containers, own client ID, skipped container, pod security context',
  'classic: job',
] as const;

async function prepare(namespace: string): Promise<void> {
  await kubernetes.createAccounts({ [namespace]: ['wi'] });
  const metadata = { name: tokenProxyCa, namespace };
  const data = { 'ca.crt': tenant.tokenProxy.caPem };
  await cluster.apply([{ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }]);
}

/** Whether all containers run, or have ended that should. */
async function untilStarted(namespace: string, app: string): Promise<ClusterPod> {
  const pod = await findPod(cluster, namespace, app);
  await expect
    .poll(
      async () =>
        (await pod.read()).status?.containerStatuses?.every(
          ({ state }) => state?.waiting === undefined,
        ),
      {
        timeout: 90_000,
        interval: 500,
      },
    )
    .toBe(true);
  return pod;
}

/** Asks until the proxy listens: in a native pod of the webhook it may start after the application. */
async function assertServed(pod: ClusterPod, name: string, hasClientId: boolean): Promise<void> {
  const app = pod.container(name);
  if (name === 'work') {
    expect(await answerOf(app, 'once')).toMatchObject({ status: 200 });
    return;
  }
  const path = hasClientId ? token : `${token}&client_id=${recordedClientId}`;
  await expect.poll(async () => (await askInside(app, path)).status, { timeout: 30_000 }).toBe(200);
  expect(toClaims(await askInside(app, path))).toMatchObject({ appid: recordedClientId });
}

function describePods(
  namespace: string,
  prepared: (pod: Manifest) => Manifest,
  initIsFirst: boolean,
) {
  const pods = () => readWebhookPods(tenant, namespace);
  const find = (name: string) => {
    const found = pods().find((each) => each.name === name);
    if (found === undefined) throw new Error(`no recording ${name}`);
    return prepared(found.pod);
  };

  it.each(names)('%s', async (name) => {
    const manifest = find(name);
    await cluster.apply([manifest]);
    const pod = await untilStarted(namespace, manifest.metadata?.labels?.['app'] ?? '');
    const { spec } = await pod.read();
    const applications = (spec?.containers ?? []).filter(({ name }) => name !== 'azwi-proxy');
    for (const { name: container } of applications) {
      await assertServed(pod, container, !name.includes('without client ID'));
    }
    const inits = spec?.initContainers?.map((each) => each.name) ?? [];
    for (const init of inits.filter((each) => !each.startsWith('azwi-'))) {
      // Behind the proxy and before the redirect, an init container of the application asks the node.
      const { status } = await answerOf(pod.container(init), 'once');
      const isServed = initIsFirst && name.startsWith('native');
      expect(status === 200, `${init}: ${status}`).toBe(isServed);
    }
    if (initIsFirst) expect(inits[0]).toBe('azwi-proxy-init');
    await cluster.kubectl(['delete', 'pod', `--namespace=${namespace}`, pod.name, '--wait=false']);
  });
}

describeOnCurrent('pods of the real webhook, with our images', () => {
  const namespace = 'webhook-images';
  beforeAll(() => prepare(namespace));
  describePods(namespace, (pod) => pod, false);
});

describeOnCurrent(
  'pods of the real webhook, with deploy/policies/mutating-admission-policy.yaml',
  () => {
    const namespace = 'webhook-swap';
    let policies: readonly Manifest[];
    beforeAll(async () => {
      await prepare(namespace);
      policies = readPolicies('deploy/policies/mutating-admission-policy.yaml', {
        proxyImage: tenant.images.proxy,
        initImage: tenant.images.init,
      });
      await cluster.apply(policies);
      const [probe] = readWebhookPods(tenant, namespace);
      if (probe === undefined) throw new Error('no recordings');
      await untilPolicy(
        cluster,
        withUpstreamImages(probe.pod),
        (pod) => !JSON.stringify(pod ?? 'upstream.example').includes('upstream.example'),
      );
    });
    afterAll(async () => {
      const all = policies.map(({ kind, metadata }) => `${kind}/${metadata?.name}`);
      await cluster.kubectl(['delete', '--ignore-not-found', ...all]);
    });
    describePods(namespace, withUpstreamImages, true);
  },
);

beforeAll(async () => {
  const accounts = ['webhook-images:wi', 'webhook-swap:wi'];
  const { clientId } = await kubernetes.addIdentity('recorded', accounts, recordedClientId);
  // The tenant that one recorded ServiceAccount names.
  const other = 'bbbbbbbb-1111-4000-8000-00000000000b';
  await kubernetes.addIdentity('recorded-elsewhere', accounts, recordedClientId, other);
  const subjects = accounts.map((each) => `system:serviceaccount:${each}`);
  await kubernetes.ask('PUT', '/bindings', { clientId, subjects });
});
