/** deploy/seccomp/proxy.json, loaded by a real kubelet from its folder of profiles. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { profileFile } from '../../../build/seccomp/write.ts';
import { answerOf, toClaims } from '../../support/docker-app.ts';
import { describeOnCurrent, useKubernetes } from '../../support/kubernetes.ts';
import { type Manifest, podSpecOf } from '../../support/kubernetes-manifest.ts';
import { type ClusterPod, findPod, untilRolledOut } from '../../support/kubernetes-pod.ts';
import { readPolicies, untilPolicy } from '../../support/kubernetes-policies.ts';
import { asking, toWorkload } from '../../support/kubernetes-workload.ts';

const kubernetes = useKubernetes();
const { cluster, tenant } = kubernetes;
const namespace = 'seccomp';
const path = 'operator/imds-proxy.json';
const node = '/usr/local/bin/node';

const profileOf = (pod: Manifest | undefined): unknown =>
  (pod === undefined ? undefined : podSpecOf(pod))?.initContainers?.find(
    ({ name }) => name === 'azwi-proxy',
  )?.securityContext?.seccompProfile;

/** The application has a token, and the proxy works and is confined. */
async function expectConfined(pod: ClusterPod, clientId: string): Promise<void> {
  const answer = await answerOf(pod.container('app'), 'start');
  expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
  expect(toClaims(answer)).toMatchObject({ appid: clientId });
  const inProxy = async (command: readonly string[]): Promise<string> =>
    (await pod.container('azwi-proxy').exec(command)).output;
  const status = await inProxy([
    node,
    '-p',
    'require("fs").readFileSync("/proc/1/status", "utf8")',
  ]);
  expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  expect(status).toMatch(/^Seccomp:\s+2$/m);
  // RuntimeDefault would start it.
  const start = `require('child_process').spawnSync('${node}', ['-v']).error?.code`;
  expect((await inProxy([node, '-p', start])).trim()).toBe('EPERM');
  await inProxy(['/proxy', '--proxy-port=8000', '--probe']);
  const doctor = await inProxy(['/proxy', 'doctor', '--exchange', '--output=json']);
  expect(doctor).not.toMatch(/EPERM|ENOSYS/);
  expect(JSON.parse(doctor).checks).toContainEqual(
    expect.objectContaining({ id: 'exchange', status: 'ok' }),
  );
  expect(await pod.status('azwi-proxy')).toMatchObject({ ready: true, restartCount: 0 });
}

describeOnCurrent('deploy/seccomp/proxy.json', () => {
  beforeAll(() => {
    const folder = join(dirname(cluster.kubeconfig), 'kubelet/seccomp', dirname(path));
    mkdirSync(folder, { recursive: true });
    copyFileSync(profileFile, join(folder, 'imds-proxy.json'));
  });

  it('with inject --seccomp-profile: a token, the probe, a doctor, and no new process', async () => {
    await kubernetes.createAccounts({ [namespace]: ['web'] });
    const { clientId } = await kubernetes.addIdentity('seccomp-web', [`${namespace}:web`]);
    const flags = [...kubernetes.injectFlags(clientId), `--seccomp-profile=localhost/${path}`];
    const plain = toWorkload({ namespace, app: 'web', image: tenant.images.app });
    const { output, report } = await kubernetes.filter('inject', flags, stringify(plain));
    expect(output, report).toContain(path);
    await cluster.apply(output);
    await untilRolledOut(cluster, namespace, 'deployment/web');
    await expectConfined(await findPod(cluster, namespace, 'web'), clientId);
  });

  it('on a node without the file: the pod waits, and the kubelet names the profile', async () => {
    await kubernetes.createAccounts({ [namespace]: ['lost'] });
    const { clientId } = await kubernetes.addIdentity('seccomp-lost', [`${namespace}:lost`]);
    const flags = [...kubernetes.injectFlags(clientId), '--seccomp-profile=localhost/missing.json'];
    const plain = toWorkload({ kind: 'Pod', namespace, app: 'lost', image: tenant.images.app });
    const { output } = await kubernetes.filter('inject', flags, stringify(plain));
    await cluster.apply(output);
    await expect
      .poll(() => cluster.kubectl(['describe', 'pod', `--namespace=${namespace}`, 'lost']), {
        timeout: 60_000,
        interval: 500,
      })
      .toMatch(/cannot load seccomp profile.*missing\.json/);
  });
});

describeOnCurrent('deploy/policies/inject.yaml with a seccomp profile', () => {
  let policies: readonly Manifest[];
  beforeAll(async () => {
    policies = readPolicies('deploy/policies/inject.yaml', {
      proxyImage: tenant.images.proxy,
      initImage: tenant.images.init,
      pullPolicy: 'Never',
      tenantId: tenant.tenantId,
      authorityHost: tenant.authorityHost,
      seccompProfile: path,
    });
    await cluster.apply(policies);
  });
  afterAll(async () => {
    const names = policies.map(({ kind, metadata }) => `${kind}/${metadata?.name}`);
    await cluster.kubectl(['delete', '--ignore-not-found', ...names]);
  });

  it('a pod gets a token under the profile', async () => {
    await kubernetes.createAccounts({ [namespace]: ['asking'] });
    const { clientId } = await kubernetes.addIdentity('seccomp-asking', [`${namespace}:asking`]);
    const annotation = `azure.workload.identity/client-id=${clientId}`;
    await cluster.kubectl([
      ...['annotate', '--overwrite', 'serviceaccount', `--namespace=${namespace}`],
      ...['asking', annotation],
    ]);
    const { labels, annotations } = asking;
    const image = tenant.images.app;
    const options = { namespace, app: 'asking', image, labels, annotations };
    await untilPolicy(cluster, toWorkload({ kind: 'Pod', ...options }), (pod) => {
      return profileOf(pod) !== undefined;
    });
    await cluster.apply([toWorkload(options)]);
    await untilRolledOut(cluster, namespace, 'deployment/asking');
    await expectConfined(await findPod(cluster, namespace, 'asking'), clientId);
  });
});
