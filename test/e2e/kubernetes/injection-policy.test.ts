import { dirname } from 'node:path';
import type { V1Job, V1PodList, V1PodSpec } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answerOf, toClaims } from '../../support/docker-app.ts';
import { describeOnCurrent, useKubernetes } from '../../support/kubernetes.ts';
import { measureAdmission } from '../../support/kubernetes-latency.ts';
import { type Manifest, podSpecOf } from '../../support/kubernetes-manifest.ts';
import { findPod, untilRolledOut } from '../../support/kubernetes-pod.ts';
import { readPolicies, tryCreate, untilPolicy } from '../../support/kubernetes-policies.ts';
import { measured } from '../../support/kubernetes-record.ts';
import { asking, toWorkload, type WorkloadOptions } from '../../support/kubernetes-workload.ts';

const kubernetes = useKubernetes();
const { cluster, tenant } = kubernetes;
const namespace = 'by-policy';
const account = (name: string) => `${namespace}:${name}`;
const resource = 'https%3A%2F%2Fvault.azure.net';

const ownResources = { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '160Mi' } };
/** What an application must be for Pod Security restricted. */
const restricted: Partial<V1PodSpec> = {
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 10001,
    seccompProfile: { type: 'RuntimeDefault' },
  },
  containers: [
    {
      name: 'app',
      image: tenant.images.app,
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    },
  ],
};

type Asking = Partial<WorkloadOptions> & { readonly app: string };

/** A workload that asks for the proxy, and nothing more. */
function toAsking({ annotations = {}, ...options }: Asking): Manifest {
  return toWorkload({
    namespace,
    image: tenant.images.app,
    labels: asking.labels,
    annotations: { ...asking.annotations, ...annotations },
    ...options,
  });
}

/** Creates a ServiceAccount with its own identity, named where upstream's users name it. */
async function createIdentity(name: string, space = namespace): Promise<string> {
  await kubernetes.createAccounts({ [space]: [name] });
  const { clientId } = await kubernetes.addIdentity(`${space}-${name}`, [`${space}:${name}`]);
  const annotation = `azure.workload.identity/client-id=${clientId}`;
  await cluster.kubectl([
    'annotate',
    '--overwrite',
    'serviceaccount',
    `--namespace=${space}`,
    name,
    annotation,
  ]);
  return clientId;
}

async function run(options: Asking): Promise<string> {
  const clientId = await createIdentity(options.app);
  await cluster.apply([toAsking(options)]);
  const kind = (options.kind ?? 'Deployment').toLowerCase();
  await untilRolledOut(cluster, namespace, `${kind}/${options.app}`);
  return clientId;
}

const initNames = (manifest: Manifest | undefined) =>
  (manifest === undefined ? undefined : podSpecOf(manifest))?.initContainers?.map(
    ({ name }) => name,
  );

describeOnCurrent('deploy/policies/inject.yaml', () => {
  let policies: readonly Manifest[];
  beforeAll(async () => {
    policies = readPolicies('deploy/policies/inject.yaml', {
      proxyImage: tenant.images.proxy,
      initImage: tenant.images.init,
      pullPolicy: 'Never',
      resources: ownResources,
      tenantId: tenant.tenantId,
      authorityHost: tenant.authorityHost,
      tokenProxy: tenant.tokenProxy.url,
      tokenProxyServerName: tenant.tokenProxy.serverName,
      tokenProxyCa: 'token-proxy-ca',
    });
    await cluster.apply(policies);
    await createIdentity('probe');
    const probe = toAsking({ kind: 'Pod', app: 'probe' });
    await untilPolicy(cluster, probe, (pod) => initNames(pod)?.length === 2);
  });
  afterAll(async () => {
    const names = policies.map(({ kind, metadata }) => `${kind}/${metadata?.name}`);
    await cluster.kubectl(['delete', '--ignore-not-found', ...names]);
  });

  it.each(['Deployment', 'StatefulSet', 'DaemonSet'] as const)(
    'a %s gets a token of the identity of its ServiceAccount on its first request',
    async (kind) => {
      const app = `a-${kind.toLowerCase()}`;
      const clientId = await run({ kind, app });
      const pod = await findPod(cluster, namespace, app);
      const answer = await answerOf(pod.container('app'), 'start');
      expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
      expect(toClaims(answer)).toMatchObject({ appid: clientId, tid: tenant.tenantId });
      expect(await kubernetes.requestsOf(account(app))).toMatchObject([
        { clientId, assertion: { iss: tenant.issuerUrl }, outcome: { status: 200 } },
      ]);
      const { spec } = await pod.read();
      expect(spec?.initContainers?.map(({ name }) => name)).toEqual([
        'azwi-proxy-init',
        'azwi-proxy',
      ]);
      expect(await pod.status('azwi-proxy')).toMatchObject({ ready: true, restartCount: 0 });
    },
  );

  it("the application's own init container is served too", async () => {
    const command = ['node', '/app.cjs', 'once'];
    const migrate = { name: 'migrate', image: tenant.images.app, command };
    await run({ app: 'migrating', pod: { initContainers: [migrate] } });
    const pod = await findPod(cluster, namespace, 'migrating');
    expect(await answerOf(pod.container('migrate'), 'once')).toMatchObject({ status: 200 });
  });

  it('the annotation of the AKS migration guide asks as well', async () => {
    await createIdentity('aks');
    const guide = { 'azure.workload.identity/proxy': 'true' };
    const pod = toWorkload({
      kind: 'Pod',
      namespace,
      app: 'aks',
      image: tenant.images.app,
      labels: asking.labels,
      annotations: guide,
    });
    const { created, refusal } = await tryCreate(cluster, pod);
    expect(refusal).toBeUndefined();
    expect(initNames(created)).toEqual(['azwi-proxy-init', 'azwi-proxy']);
  });

  it('a Job completes', async () => {
    await createIdentity('nightly');
    await cluster.apply([toAsking({ kind: 'Job', app: 'nightly' })]);
    const wait = ['wait', `--namespace=${namespace}`, '--for=condition=Complete', 'job/nightly'];
    await cluster.kubectl([...wait, '--timeout=90s']);
    const { status } = await cluster.get<V1Job>('job', `--namespace=${namespace}`, 'nightly');
    expect(status).toMatchObject({ succeeded: 1 });
    const pod = await findPod(cluster, namespace, 'nightly');
    expect(await answerOf(pod.container('work'), 'once')).toMatchObject({ status: 200 });
  });

  it('a Job of a CronJob completes', async () => {
    await createIdentity('hourly');
    const { spec } = toAsking({ kind: 'Job', app: 'hourly' });
    await cluster.apply([
      {
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata: { name: 'hourly', namespace },
        spec: { schedule: '0 0 1 1 *', jobTemplate: { spec } },
      },
    ]);
    const create = ['create', 'job', `--namespace=${namespace}`, 'hourly-now'];
    await cluster.kubectl([...create, '--from=cronjob/hourly']);
    const wait = ['wait', `--namespace=${namespace}`, '--for=condition=Complete', 'job/hourly-now'];
    await cluster.kubectl([...wait, '--timeout=90s']);
  });

  it('the application is served while it handles SIGTERM', async () => {
    await run({ app: 'leaver' });
    const leaver = await findPod(cluster, namespace, 'leaver');
    await answerOf(leaver.container('app'), 'start');
    const follow = ['logs', '--follow', `--namespace=${namespace}`, leaver.name, '--container=app'];
    const log = cluster.kubectl(follow);
    await cluster.kubectl(['delete', 'deployment', `--namespace=${namespace}`, 'leaver']);
    const answer = await answerOf({ name: 'app', logs: () => log }, 'stop');
    expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
  });

  it('"false" leaves a pod as it is', async () => {
    await createIdentity('refrains');
    const annotations = { 'azure.workload.identity/inject-proxy-sidecar': 'false' };
    const { created } = await tryCreate(
      cluster,
      toAsking({ kind: 'Pod', app: 'refrains', annotations }),
    );
    expect(created).toBeDefined();
    expect(initNames(created)).toBeUndefined();
  });

  it('an identity binding is used if the annotation asks for it', async () => {
    const app = 'bound';
    const clientId = await createIdentity(app);
    await kubernetes.ask('PUT', '/bindings', {
      clientId,
      subjects: [`system:serviceaccount:${account(app)}`],
    });
    const data = { 'ca.crt': tenant.tokenProxy.caPem };
    const metadata = { name: 'token-proxy-ca', namespace };
    const annotations = { 'azure.workload.identity/use-identity-binding': 'true' };
    await cluster.apply([
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
      toAsking({ app, annotations }),
    ]);
    await untilRolledOut(cluster, namespace, `deployment/${app}`);
    const pod = await findPod(cluster, namespace, app);
    const answer = await answerOf(pod.container('app'), 'start');
    expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
    expect(await kubernetes.requestsOf(account(app))).toMatchObject([
      { server: 'token-proxy', assertion: { aud: ['api://AKSIdentityBinding'] } },
    ]);
  });

  it.each([
    ['hostNetwork', { pod: { hostNetwork: true } }, /hostNetwork.*(remove|set|use) /i],
    [
      'a port that is not one',
      { annotations: { 'azure.workload.identity/proxy-sidecar-port': '99999' } },
      /proxy-sidecar-port is not a port.*correct it/,
    ],
    ['Windows', { pod: { os: { name: 'windows' } } }, /Windows/],
    [
      'an annotation that is neither "true" nor "false"',
      { annotations: { 'azure.workload.identity/inject-proxy-sidecar': 'yes' } },
      /"true"/,
    ],
  ] satisfies readonly [string, Partial<WorkloadOptions>, RegExp][])(
    '%s is refused with the fix',
    async (_, options, message) => {
      await createIdentity('refused');
      const pod = toAsking({ kind: 'Pod', app: 'refused', ...options });
      const { refusal } = await tryCreate(cluster, pod);
      expect(refusal).toMatch(message);
      console.log(refusal?.replace(/^.*?: /, ''));
    },
  );

  it('a ServiceAccount without a client ID gets the proxy, and requests must name one', async () => {
    await kubernetes.createAccounts({ [namespace]: ['nameless'] });
    await cluster.apply([toAsking({ app: 'nameless' })]);
    await untilRolledOut(cluster, namespace, 'deployment/nameless');
    const pod = await findPod(cluster, namespace, 'nameless');
    const answer = await answerOf(pod.container('app'), 'start');
    expect(answer).toMatchObject({ status: 400, body: expect.stringContaining('client_id') });
  });

  it('a LimitRange does not change the limits of the proxy', async () => {
    const limits = [
      { type: 'Container', default: { memory: '200Mi' }, defaultRequest: { memory: '100Mi' } },
    ];
    const space = 'by-policy-limits';
    await createIdentity('limited', space);
    const limitRange = {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'limits', namespace: space },
      spec: { limits },
    };
    await cluster.apply([limitRange, toAsking({ app: 'limited', namespace: space })]);
    await untilRolledOut(cluster, space, 'deployment/limited');
    const { items } = await cluster.get<V1PodList>('pods', `--namespace=${space}`);
    const [pod] = items;
    expect(pod?.spec?.containers[0]?.resources).toMatchObject({ limits: { memory: '200Mi' } });
    for (const { resources } of pod?.spec?.initContainers ?? []) {
      expect(resources).toEqual(ownResources);
    }
  });

  it.each(['baseline', 'restricted'])(
    'Pod Security %s refuses the redirect, with the way out',
    async (level) => {
      const space = `by-policy-${level}`;
      await createIdentity('secured', space);
      const label = `pod-security.kubernetes.io/enforce=${level}`;
      await cluster.kubectl(['label', '--overwrite', 'namespace', space, label]);
      const pod = toAsking({ kind: 'Pod', app: 'secured', namespace: space, pod: restricted });
      const { refusal } = await tryCreate(cluster, pod);
      expect(refusal).toContain(`enforces Pod Security ${level}`);
      expect(refusal).toContain('workload-identity-imds-proxy/redirect: "false"');
    },
  );

  it('without the redirect, an application under Pod Security restricted gets a token', async () => {
    const space = 'by-policy-restricted';
    const clientId = await createIdentity('modern', space);
    const label = 'pod-security.kubernetes.io/enforce=restricted';
    await cluster.kubectl(['label', '--overwrite', 'namespace', space, label]);
    const header = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'imds-proxy', namespace: space },
      stringData: { header: '0123456789abcdef0123456789abcdef' },
    };
    const annotations = { 'workload-identity-imds-proxy/redirect': 'false' };
    await cluster.apply([
      header,
      toAsking({ app: 'modern', namespace: space, annotations, pod: restricted }),
    ]);
    await untilRolledOut(cluster, space, 'deployment/modern');
    const running = await findPod(cluster, space, 'modern');
    const script = `fetch(process.env.IDENTITY_ENDPOINT + '?api-version=2019-08-01&resource=${resource}', {
      headers: { 'X-IDENTITY-HEADER': process.env.IDENTITY_HEADER },
    }).then(async (answer) => console.log(JSON.stringify({ status: answer.status, body: await answer.text() })))`;
    const { output } = await running.container('app').exec(['node', '-e', script]);
    const answer = JSON.parse(output);
    expect(answer, output).toMatchObject({ status: 200 });
    expect(toClaims(answer)).toMatchObject({ appid: clientId });
  });

  it('measures the time of admission', async () => {
    const space = 'by-policy-latency';
    await createIdentity('one', space);
    const place = { state: dirname(cluster.kubeconfig), issuerUrl: tenant.issuerUrl };
    const plain = { kind: 'Pod', namespace: space, app: 'one', image: tenant.images.app } as const;
    const injected = toAsking({ kind: 'Pod', namespace: space, app: 'one' });
    measured(
      'admission of a pod that does not ask',
      await measureAdmission(place, toWorkload(plain)),
    );
    measured('admission of an injected pod', await measureAdmission(place, injected));
    const more = Array.from({ length: 98 }, (_, index) => `more-${index}`);
    await kubernetes.createAccounts({ [space]: more });
    measured(
      'admission of an injected pod, 100 ServiceAccounts in its namespace',
      await measureAdmission(place, injected),
    );
  });
});
