import { beforeAll, expect, it } from 'vitest';
import { chart, type HelmOptions, runHelm } from '../../support/chart.ts';
import { answerOf, toClaims } from '../../support/docker-app.ts';
import { findGoTool } from '../../support/go-tools.ts';
import { describeOnCurrent, useKubernetes } from '../../support/kubernetes.ts';
import { changePod, type Manifest, podSpecOf } from '../../support/kubernetes-manifest.ts';
import { findPod, untilRolledOut } from '../../support/kubernetes-pod.ts';
import { tryCreate, untilPolicy } from '../../support/kubernetes-policies.ts';
import { readWebhookPods, withUpstreamImages } from '../../support/kubernetes-webhook.ts';
import { asking, toWorkload } from '../../support/kubernetes-workload.ts';

const kubernetes = useKubernetes();
const { cluster, tenant } = kubernetes;

function toImage(reference: string): { readonly name: string; readonly tag: string } {
  const [, name = '', tag = ''] = /\/([^/:]+):(.*)$/.exec(reference) ?? [];
  return { name, tag };
}

const images = {
  registry: tenant.images.proxy.replace(/\/[^/]*$/, ''),
  pullPolicy: 'Never',
  proxy: toImage(tenant.images.proxy),
  init: toImage(tenant.images.init),
};
const identity = { tenantId: tenant.tenantId, authorityHost: tenant.authorityHost };
/** All kinds that the chart can make. */
const kinds = [
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'clusterroles',
  'clusterrolebindings',
  'pods',
  'configmaps',
  'networkpolicies',
];

async function findLeft(release: string): Promise<string> {
  const label = `app.kubernetes.io/instance=${release}`;
  const args = ['get', kinds.join(','), '--all-namespaces', `--selector=${label}`, '--output=name'];
  return cluster.kubectl(args);
}

const imageOf = (pod: Manifest | undefined, name: string) =>
  (pod === undefined ? undefined : podSpecOf(pod))?.initContainers?.find(
    (each) => each.name === name,
  )?.image;

describeOnCurrent('the chart', () => {
  const namespace = 'chart';
  const release = 'imds-proxy';
  const tool = findGoTool('helm4') ?? '';
  const helm = (command: readonly string[], options: HelmOptions = {}) =>
    runHelm(
      tool,
      [...command, `--namespace=${namespace}`, `--kubeconfig=${cluster.kubeconfig}`],
      options,
    );

  const toAsking = (app: string, kind?: 'Pod') =>
    toWorkload({ namespace, app, image: tenant.images.app, ...asking, ...(kind && { kind }) });

  beforeAll(async () => {
    if (tool === '') throw new Error('helm 4 is missing; run .ci/go-tools');
    await kubernetes.createAccounts({ [namespace]: ['web', 'tester'] });
    for (const name of ['web', 'tester']) {
      const { clientId } = await kubernetes.addIdentity(`chart-${name}`, [`${namespace}:${name}`]);
      const annotation = `azure.workload.identity/client-id=${clientId}`;
      await cluster.kubectl([
        'annotate',
        'serviceaccount',
        `--namespace=${namespace}`,
        name,
        annotation,
      ]);
    }
  });

  const values = { images, identity, test: { serviceAccountName: 'tester' } };

  it('mode inject: after `helm install`, a pod that asks gets a token', async () => {
    console.log(await helm(['install', release, chart], { values }));
    await untilPolicy(
      cluster,
      toAsking('web', 'Pod'),
      (pod) => imageOf(pod, 'azwi-proxy') === tenant.images.proxy,
    );
    await cluster.apply([toAsking('web')]);
    await untilRolledOut(cluster, namespace, 'deployment/web');
    const pod = await findPod(cluster, namespace, 'web');
    const answer = await answerOf(pod.container('app'), 'start');
    expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
    expect(toClaims(answer)).toMatchObject({ tid: tenant.tenantId });
  });

  it('`helm test` gets a token, and leaves no pod', async () => {
    const output = await helm(['test', release, '--logs', '--timeout=2m']);
    console.log(output);
    expect(output).toMatch(/Phase: +Succeeded/);
    expect(output).toContain('ok: a token for https://management.azure.com/');
  });

  it('`helm test` names the fault', async () => {
    const broken = { ...values, test: { serviceAccountName: 'stranger' } };
    await kubernetes.createAccounts({ [namespace]: ['stranger'] });
    const { clientId } = await kubernetes.addIdentity('chart-stranger', [`${namespace}:nobody`]);
    const annotation = `azure.workload.identity/client-id=${clientId}`;
    await cluster.kubectl([
      'annotate',
      'serviceaccount',
      `--namespace=${namespace}`,
      'stranger',
      annotation,
    ]);
    await helm(['upgrade', release, chart], { values: broken });
    const output = await helm(['test', release, '--logs', '--timeout=2m']).catch(
      (error: { stdout?: string }) => `${error.stdout}${error}`,
    );
    expect(output).toContain('AADSTS700213');
    expect(output).toContain('federated-credential create');
  });

  it('a second release for all namespaces is refused', async () => {
    const second = helm(['install', 'second', chart], { values });
    await expect(second).rejects.toThrow('applies to the same namespaces');
  });

  it('two releases, each for its own namespaces, do not meet', async () => {
    const other = 'chart-second';
    await kubernetes.createAccounts({ [other]: ['web'] });
    const exclude = ['kube-system', 'kube-node-lease', other];
    await helm(['upgrade', release, chart], { values: { ...values, namespaces: { exclude } } });
    const second = {
      images,
      identity,
      proxy: { logLevel: 'trace' },
      namespaces: { include: [other] },
      test: { enabled: false },
    };
    await helm(['install', 'second', chart], { values: second });
    const elsewhere = {
      ...toAsking('web', 'Pod'),
      metadata: { name: 'web', namespace: other, ...asking },
    };
    await untilPolicy(cluster, elsewhere, (pod) =>
      JSON.stringify(pod ?? '').includes('--log-level=trace'),
    );
    const { created } = await tryCreate(cluster, toAsking('web', 'Pod'));
    expect(JSON.stringify(created)).toContain('--log-level=info');
    await helm(['uninstall', 'second', '--wait']);
    expect(await findLeft('second')).toBe('');
  });

  it('`helm upgrade` changes what new pods get', async () => {
    const changed = { ...values, proxy: { logLevel: 'debug' } };
    await helm(['upgrade', release, chart], { values: changed });
    await untilPolicy(cluster, toAsking('web', 'Pod'), (pod) =>
      JSON.stringify(pod ?? '').includes('--log-level=debug'),
    );
  });

  it('mode swap replaces the images of pods of the webhook', async () => {
    await helm(['upgrade', release, chart], {
      values: { images, mode: 'swap', test: { enabled: false } },
    });
    const recorded = readWebhookPods(tenant, namespace).find(
      ({ name }) => name === 'native: simple',
    );
    if (recorded === undefined) throw new Error('no recording');
    const upstream = changePod(withUpstreamImages(recorded.pod), (spec) => {
      spec.serviceAccountName = 'web';
    });
    // The policies of mode inject, which go one by one, would set the image as well, and another log level.
    await untilPolicy(
      cluster,
      upstream,
      (pod) =>
        imageOf(pod, 'azwi-proxy') === tenant.images.proxy &&
        !JSON.stringify(pod).includes('--log-level=debug'),
    );
    const { created } = await tryCreate(cluster, upstream);
    expect(created && podSpecOf(created)?.initContainers?.map(({ name }) => name)).toEqual([
      'azwi-proxy-init',
      'azwi-proxy',
    ]);
  });

  it('`helm uninstall` leaves nothing, and pods are no longer changed', async () => {
    expect(await findLeft(release)).not.toBe('');
    await helm(['uninstall', release, '--wait']);
    expect(await findLeft(release)).toBe('');
    const secrets = ['get', 'secrets', `--namespace=${namespace}`, '--output=name'];
    expect(await cluster.kubectl(secrets)).toBe('');
    await untilPolicy(
      cluster,
      toAsking('web', 'Pod'),
      (pod) => pod !== undefined && imageOf(pod, 'azwi-proxy') === undefined,
    );
  });
});
