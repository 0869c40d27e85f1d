import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { answerOf, askInside, toClaims } from '../../support/docker-app.ts';
import { useKubernetes } from '../../support/kubernetes.ts';
import { type ClusterPod, findPod, untilRolledOut } from '../../support/kubernetes-pod.ts';

const kubernetes = useKubernetes();
const { cluster, isCurrent, tenant } = kubernetes;
const namespace = 'life';
const anyUserListens = { name: 'net.ipv4.ip_unprivileged_port_start', value: '0' };
const token =
  '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net';
const instance = '/metadata/instance?api-version=2021-02-01';

/** Beside the application, what plays the node's metadata service for whoever gets past the proxy. */
function toWorkload(app: string): string {
  return stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: app, namespace },
    spec: {
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels: { app } },
        spec: {
          serviceAccountName: app,
          // Docker lets every user listen on port 80; containerd leaves it to the pod.
          ...(isCurrent ? { securityContext: { sysctls: [anyUserListens] } } : {}),
          containers: [
            {
              name: 'node',
              image: tenant.images.pause,
              securityContext: { capabilities: { add: ['NET_ADMIN'] } },
            },
            { name: 'app', image: tenant.images.app },
          ],
        },
      },
    },
  });
}

async function run(app: string): Promise<ClusterPod> {
  await kubernetes.createAccounts({ [namespace]: [app] });
  const { clientId } = await kubernetes.addIdentity(app, [`${namespace}:${app}`]);
  const flags = kubernetes.injectFlags(clientId);
  const { output } = await kubernetes.filter('inject', flags, toWorkload(app));
  await cluster.apply(output);
  await untilRolledOut(cluster, namespace, `deployment/${app}`);
  return findPod(cluster, namespace, app);
}

describe('the life of a pod', () => {
  let pod: ClusterPod;
  beforeAll(async () => {
    pod = await run('survivor');
    await answerOf(pod.container('app'), 'start');
  });

  it('what the proxy forwards reaches the node, and a token request does not', async () => {
    const app = pod.container('app');
    expect((await askInside(app, instance)).body).toContain('the node');
    expect(toClaims(await askInside(app, token))).toHaveProperty('appid');
  });

  it('a killed proxy is back and serves, and nothing gets to the node meanwhile', async () => {
    const app = pod.container('app');
    const polling = app.exec(['node', '/app.cjs', 'poll', '10000']);
    // An exec of its own takes as long: the polling is under way when it has its answer.
    expect(await askInside(app, token)).toMatchObject({ status: 200 });
    await pod.kill('azwi-proxy');
    const { outcomes, outageMs } = JSON.parse((await polling).output);
    console.log(`a killed proxy: ${JSON.stringify(outcomes)}, outage ${outageMs} ms`);
    const { 200: served, ...others } = outcomes;
    expect(served).toBeGreaterThan(0);
    expect(Object.keys(others).filter((each) => !/^ECONN(REFUSED|RESET)$/.test(each))).toEqual([]);
    // Otherwise the killing has not been seen.
    expect(Object.keys(others)).not.toEqual([]);
    await expect
      .poll(async () => (await askInside(app, token)).status, { timeout: 30_000 })
      .toBe(200);
    expect(await pod.status('azwi-proxy')).toMatchObject({ restartCount: 1 });
  });

  it('the application is served while it handles SIGTERM', async () => {
    const name = 'leaver';
    const leaver = await run(name);
    await answerOf(leaver.container('app'), 'start');
    const follow = ['logs', '--follow', `--namespace=${namespace}`, leaver.name, '--container=app'];
    const log = cluster.kubectl(follow);
    await cluster.kubectl(['delete', 'deployment', `--namespace=${namespace}`, name]);
    const answer = await answerOf({ name: 'app', logs: () => log }, 'stop');
    expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
    const gone = ['wait', `--namespace=${namespace}`, '--for=delete', `pod/${leaver.name}`];
    // A pod that is gone already is what is waited for.
    await cluster.kubectl([...gone, '--timeout=60s']).catch((error: unknown) => {
      expect(String(error)).toContain('not found');
    });
  });

  it('a new pod of the same workload presents a token of its own', async () => {
    const kept = await kubernetes.requestsOf(`${namespace}:survivor`);
    await cluster.kubectl(['delete', 'pod', `--namespace=${namespace}`, pod.name]);
    await untilRolledOut(cluster, namespace, 'deployment/survivor');
    const next = await findPod(cluster, namespace, 'survivor');
    expect(await answerOf(next.container('app'), 'start')).toMatchObject({ status: 200 });
    const requests = (await kubernetes.requestsOf(`${namespace}:survivor`)).slice(kept.length);
    expect(requests.at(-1)?.assertion?.iat).toBeGreaterThan(
      kept.at(-1)?.assertion?.iat ?? Infinity,
    );
  });
});
