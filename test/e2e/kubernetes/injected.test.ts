import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { answerOf, toClaims } from '../../support/docker-app.ts';
import { describeOnCurrent, type Sidecar, useKubernetes } from '../../support/kubernetes.ts';
import { readManifests } from '../../support/kubernetes-manifest.ts';
import { findPod, untilRolledOut } from '../../support/kubernetes-pod.ts';

const kubernetes = useKubernetes();
const { cluster, tenant } = kubernetes;

/** A workload as somebody has it who knows nothing of the proxy. */
function toWorkload(namespace: string, kind: string, app: string, pod: object = {}): string {
  return stringify({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: app, namespace },
    spec: {
      selector: { matchLabels: { app } },
      ...(kind === 'StatefulSet' ? { serviceName: app } : {}),
      template: {
        metadata: { labels: { app } },
        spec: {
          serviceAccountName: app,
          containers: [{ name: 'app', image: tenant.images.app }],
          ...pod,
        },
      },
    },
  });
}

function describeWorkloads(sidecar: Sidecar): void {
  const namespace = `injected-${sidecar}`;
  const injectFlags = (clientId: string) => kubernetes.injectFlags(clientId, sidecar);

  /** Injects a workload and applies the result as it is; the pod is ready then. */
  const run = async (kind: string, app: string, pod: object = {}): Promise<void> => {
    await kubernetes.createAccounts({ [namespace]: [app] });
    const { clientId } = await kubernetes.addIdentity(app, [`${namespace}:${app}`]);
    const flags = injectFlags(clientId);
    const { exitCode, output, report } = await kubernetes.filter(
      'inject',
      flags,
      toWorkload(namespace, kind, app, pod),
    );
    expect(exitCode, report).toBe(0);
    await cluster.apply(output);
    await untilRolledOut(cluster, namespace, `${kind.toLowerCase()}/${app}`);
  };

  it.each([
    ['Deployment', 'web'],
    ['StatefulSet', 'store'],
    ['DaemonSet', 'agent'],
  ])('a %s gets a token for its own ServiceAccount', async (kind, app) => {
    await run(kind, app);
    const pod = await findPod(cluster, namespace, app);
    const answer = await answerOf(pod.container('app'), 'start');
    expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
    const [request] = await kubernetes.requestsOf(`${namespace}:${app}`);
    expect(request).toMatchObject({
      clientId: toClaims(answer)['appid'],
      assertion: { iss: tenant.issuerUrl },
      outcome: { status: 200 },
    });
  });

  it.each([
    ['as it comes', 'plain', {}],
    ['with a user and a file group of its own', 'grouped', { runAsUser: 10001, fsGroup: 2000 }],
    ['with a group of its own', 'foreign', { runAsUser: 10001, runAsGroup: 3000 }],
  ])('the proxy can read the token file of a pod %s', async (_, app, securityContext) => {
    await run('Deployment', app, { securityContext });
    const pod = await findPod(cluster, namespace, app);
    const { output } = await pod.container('azwi-proxy').exec([
      '/usr/local/bin/node',
      '-e',
      `const { uid, gid, mode } = require('fs').statSync(process.env.AZURE_FEDERATED_TOKEN_FILE);
       console.log(\`mode \${(mode & 0o777).toString(8)}, owner \${uid}:\${gid}\`);`,
    ]);
    console.log(`token file of a pod with ${JSON.stringify(securityContext)}: ${output.trim()}`);
    const answer = await answerOf(pod.container('app'), 'start');
    expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
  });

  it("the application's own init container is served, or refused where the proxy comes later", async () => {
    const migrate = {
      name: 'migrate',
      image: tenant.images.app,
      command: ['node', '/app.cjs', 'once'],
    };
    await run('Deployment', 'migrating', { initContainers: [migrate] });
    const pod = await findPod(cluster, namespace, 'migrating');
    const answer = await answerOf(pod.container('migrate'), 'once');
    const { spec } = await pod.read();
    const inits = spec?.initContainers?.map(({ name }) => name);
    if (sidecar === 'native') {
      expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
      expect(inits).toEqual(['azwi-proxy-init', 'azwi-proxy', 'migrate']);
      return;
    }
    // The price of a classic sidecar (docs/inject.md). It does not reach the node.
    expect(answer).toMatchObject({ error: 'ECONNREFUSED' });
    expect(inits).toEqual(['azwi-proxy-init', 'migrate']);
  });

  it('a ServiceAccount that the identity does not trust gets the refusal with our hint', async () => {
    await kubernetes.createAccounts({ [namespace]: ['stranger'] });
    const { clientId } = await kubernetes.addIdentity('stranger', [`${namespace}:somebody-else`]);
    const flags = injectFlags(clientId);
    const { output } = await kubernetes.filter(
      'inject',
      flags,
      toWorkload(namespace, 'Deployment', 'stranger'),
    );
    await cluster.apply(output);
    await untilRolledOut(cluster, namespace, 'deployment/stranger');
    const pod = await findPod(cluster, namespace, 'stranger');
    const { status, body = '' } = await answerOf(pod.container('app'), 'start');
    expect(status, body).toBe(400);
    const { error_codes: codes, error_description: description } = JSON.parse(body);
    expect(codes).toEqual([700213]);
    expect(description).toContain(`system:serviceaccount:${namespace}:stranger`);
    expect(description).toContain('Hint: No federated credential of this identity has the subject');
    expect(description).toContain('az identity federated-credential create');
  });

  it('`uninject` gives the pod of before, which has no proxy', async () => {
    await run('Deployment', 'undone');
    const injected = await cluster.get<object>('deployment', `--namespace=${namespace}`, 'undone');
    const manifest = toWorkload(namespace, 'Deployment', 'undone');
    const flags = injectFlags('33333333-3333-4333-8333-333333333333');
    const { output } = await kubernetes.filter('inject', flags, manifest);
    const undone = await kubernetes.filter('uninject', [], output);
    expect(undone.output).toBe(manifest);
    await cluster.apply(undone.output);
    await untilRolledOut(cluster, namespace, 'deployment/undone');
    expect(JSON.stringify(injected)).toContain('azwi-proxy');
    const after = await cluster.get<object>('deployment', `--namespace=${namespace}`, 'undone');
    expect(JSON.stringify(after)).not.toContain('azwi-proxy');
    const pod = await findPod(cluster, namespace, 'undone');
    const { spec } = await pod.read();
    expect(spec?.containers.map(({ name }) => name)).toEqual(['app']);
    expect(spec?.initContainers).toBeUndefined();
  });
}

describe('what `inject --classic` writes', () => describeWorkloads('classic'));
describeOnCurrent('what `inject --native-sidecar` writes', () => describeWorkloads('native'));

describe('a Job', () => {
  const flags = () => kubernetes.injectFlags('44444444-4444-4444-8444-444444444444', 'classic');

  it('is refused by `inject --classic`, with what to do', async () => {
    const [, job] = readManifests('deploy/manual/job.yaml');
    const plain = stringify({
      ...job,
      spec: {
        template: {
          spec: { restartPolicy: 'Never', containers: [{ name: 'work', image: 'work' }] },
        },
      },
    });
    const { exitCode, output, report } = await kubernetes.filter('inject', flags(), plain);
    expect(exitCode).toBe(1);
    expect(output).toBe(plain);
    expect(report).toContain('--native-sidecar');
  });
});
