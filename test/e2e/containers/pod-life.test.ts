import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithDocker } from '../../support/docker.ts';
import { answerOf, askInside, toClaims } from '../../support/docker-app.ts';
import { type Pod, type PodOptions, withPod } from '../../support/docker-pod.ts';
import { startWebhookTenant, type Tenant, toWebhookOptions } from '../../support/docker-webhook.ts';

const file = join(import.meta.dirname, '../../fixtures/inject/webhook-pods.json');
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly cases: readonly { readonly name: string; readonly injected: V1Pod }[];
};

/** A recorded pod that the test may change. */
function toPod(name: string): V1Pod & { readonly spec: NonNullable<V1Pod['spec']> } {
  const { injected } = cases.find((each) => each.name === name) ?? {};
  const { spec, ...pod } = structuredClone(injected ?? {});
  if (spec === undefined) throw new Error(`no pod is called ${name}`);
  return { ...pod, spec };
}

function containerOf({ spec }: V1Pod, name: string): V1Container {
  const found = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].find(
    (each) => each.name === name,
  );
  if (found === undefined) throw new Error(`no container is called ${name}`);
  return found;
}

const token =
  '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net';
const instance = '/metadata/instance?api-version=2021-02-01';
const node = 'the identity of the node';

describeWithDocker('the life of a pod', () => {
  let tenant: Tenant;
  beforeAll(async () => {
    tenant = await startWebhookTenant();
  }, 600_000);
  afterAll(() => tenant?.remove());

  const inPod = (
    pod: V1Pod,
    act: (pod: Pod) => Promise<void>,
    env?: NonNullable<PodOptions['env']>,
  ): Promise<void> => {
    const options = { ...toWebhookOptions(tenant), ...(env === undefined ? {} : { env }) };
    return withPod(pod, tenant, options, act);
  };

  it.concurrent.each(['classic: simple', 'native: simple'])(
    '%s: the application is served while it handles SIGTERM, and the proxy then exits 0',
    async (name) => {
      await inPod(toPod(name), async (pod) => {
        await answerOf(pod.container('app'), 'start');
        await pod.stop();
        const answer = await answerOf(pod.container('app'), 'stop');
        expect(answer.status, JSON.stringify(answer)).toBe(200);
        expect(await pod.container('azwi-proxy').ended()).toBe(0);
      });
    },
    120_000,
  );

  it.concurrent('a Job with a native sidecar completes: its work ends, then the proxy with 0', async () => {
    await inPod(toPod('native: job'), async (pod) => {
      expect(await pod.container('work').ended()).toBe(0);
      expect(await answerOf(pod.container('work'), 'once')).toMatchObject({ status: 200 });
      await pod.container('azwi-proxy').stop();
      expect(await pod.container('azwi-proxy').ended()).toBe(0);
    });
  }, 120_000);

  it.concurrent('a killed proxy comes back, and nothing leaks to the node meanwhile', async () => {
    await inPod(toPod('native: simple'), async (pod) => {
      const app = pod.container('app');
      await answerOf(app, 'start');
      const polling = app.exec(['node', '/app.cjs', 'poll', '6000']);
      // An exec of its own takes as long: the polling is under way when it has its answer.
      expect(await askInside(app, token)).toMatchObject({ status: 200 });
      const { State } = await pod.container('azwi-proxy').inspect();
      process.kill(State.Pid, 'SIGKILL');
      const { outcomes, outageMs } = JSON.parse((await polling).output);
      console.log(`a killed proxy: ${JSON.stringify(outcomes)}, outage ${outageMs} ms`);
      const { 200: served, ...others } = outcomes;
      expect(served).toBeGreaterThan(0);
      expect(Object.keys(others).filter((each) => !/^ECONN(REFUSED|RESET)$/.test(each))).toEqual(
        [],
      );
      // Otherwise the killing has not been seen.
      expect(Object.keys(others)).not.toEqual([]);
      expect(await askInside(app, token)).toMatchObject({ status: 200 });
      const { RestartCount } = await pod.container('azwi-proxy').inspect();
      expect(RestartCount).toBe(1);
    });
  }, 120_000);

  it.concurrent('with the init first, the init containers of the application are served as well', async () => {
    const pod = toPod(
      'native: port, init containers, own client ID, skipped container, pod security context',
    );
    const inits = pod.spec.initContainers ?? [];
    pod.spec.initContainers = [
      containerOf(pod, 'azwi-proxy-init'),
      ...inits.filter(({ name }) => name !== 'azwi-proxy-init'),
    ];
    await inPod(pod, async (running) => {
      for (const name of ['migrate', 'warm']) {
        expect(toClaims(await answerOf(running.container(name), 'once'))).toHaveProperty('appid');
      }
    });
  }, 120_000);

  it.concurrent('an application of user 1501 gets to the node, which upstream promises nothing against', async () => {
    await inPod(toPod('native: simple'), async (pod) => {
      const answer = await askInside(pod.container('app'), token, '1501');
      expect(answer.body).toContain(node);
    });
  }, 120_000);

  it.concurrent('with INIT_EXEMPT=none no user gets to the node, and forwarding says that it is off', async () => {
    const env = (name: string): Readonly<Record<string, string>> =>
      name === 'azwi-proxy-init' ? { INIT_EXEMPT: 'none' } : {};
    await inPod(
      toPod('native: simple'),
      async (pod) => {
        for (const user of ['0', '1501', '10001']) {
          const answer = await askInside(pod.container('app'), token, user);
          expect(answer.status, `user ${user}: ${JSON.stringify(answer)}`).toBe(200);
          expect(answer.body).not.toContain(node);
        }
        const forwarded = await askInside(pod.container('app'), instance);
        expect(forwarded.body).not.toContain('the node');
        const log = await pod.container('azwi-proxy').logs();
        expect(log.split('\n').length).toBeLessThan(50);
      },
      env,
    );
  }, 120_000);

  it.concurrent.each([
    ['runAsUser', { runAsUser: 10001 }],
    ['runAsGroup', { runAsGroup: 3000 }],
    ['both', { runAsUser: 10001, runAsGroup: 3000 }],
  ])(
    '%s of the pod is survived: tokens come, and nothing loops',
    async (_, securityContext) => {
      const pod = toPod('native: simple');
      pod.spec.securityContext = securityContext;
      await inPod(pod, async (running) => {
        const app = running.container('app');
        expect(await answerOf(app, 'start')).toMatchObject({ status: 200 });
        for (let request = 0; request < 3; request += 1) await askInside(app, instance);
        const log = await running.container('azwi-proxy').logs();
        expect(log.split('\n').length, log).toBeLessThan(50);
      });
    },
    120_000,
  );

  it.concurrent('runAsUser 0 of the pod is refused by the kubelet, since the proxy must not be root', async () => {
    const pod = toPod('native: simple');
    pod.spec.securityContext = { runAsUser: 0 };
    await expect(inPod(pod, async () => {})).rejects.toThrow(
      /azwi-proxy: CreateContainerConfigError/,
    );
  }, 120_000);

  it.concurrent('an init without NET_ADMIN stops the pod and names what is missing', async () => {
    const pod = toPod('native: simple');
    containerOf(pod, 'azwi-proxy-init').securityContext = {
      runAsUser: 0,
      capabilities: { drop: ['ALL'] },
    };
    await expect(inPod(pod, async () => {})).rejects.toThrow(/NET_ADMIN/);
  }, 120_000);
});
