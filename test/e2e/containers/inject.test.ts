import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { V1Deployment, V1Pod } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { MIN_MEMORY_LIMIT_BYTES } from '../../../src/proxy/process/memory.ts';
import { describeWithDocker } from '../../support/docker.ts';
import { answerOf, askInside, toClaims } from '../../support/docker-app.ts';
import { type Pod, withPod } from '../../support/docker-pod.ts';
import { startWebhookTenant, type Tenant, toWebhookOptions } from '../../support/docker-webhook.ts';
import { imageFlags } from '../../support/inject.ts';

const root = join(import.meta.dirname, '../../..');
const manifest = join(root, 'deploy/example/deployment.yaml');
const flags = [
  ...imageFlags,
  '--webhook=absent',
  '--client-id=11111111-1111-4111-8111-111111111111',
  '--tenant-id=22222222-2222-4222-8222-222222222222',
];
const instance = '/metadata/instance?api-version=2021-02-01';
const token =
  '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net';

/** The pod that the built program makes of the manifest. */
async function inject(...more: readonly string[]): Promise<V1Pod> {
  const args = ['inject', ...flags, ...more, manifest];
  const { stdout } = await promisify(execFile)(join(root, 'dist/proxy'), args, { timeout: 60_000 });
  const deployment: V1Deployment = parse(stdout);
  return deployment.spec?.template ?? {};
}

describeWithDocker('the pod that inject makes of deploy/example/deployment.yaml', () => {
  let tenant: Tenant;
  beforeAll(async () => {
    tenant = await startWebhookTenant();
  }, 600_000);
  afterAll(() => tenant?.remove());

  const inPod = (pod: V1Pod, act: (pod: Pod) => Promise<void>): Promise<void> =>
    withPod(pod, tenant, toWebhookOptions(tenant), act);

  const assertServed = async (pod: Pod): Promise<void> => {
    const app = pod.container('app');
    expect(toClaims(await answerOf(app, 'start'))).toMatchObject({
      appid: '11111111-1111-4111-8111-111111111111',
      tid: '22222222-2222-4222-8222-222222222222',
      aud: 'https://vault.azure.net',
    });
    expect(await askInside(app, instance)).toMatchObject({
      status: 200,
      body: expect.stringContaining('the node'),
    });
    // The exemption takes both, the user and the group of the proxy.
    expect(toClaims(await askInside(app, token, '1501:10001'))).toHaveProperty('appid');

    const proxy = pod.container('azwi-proxy');
    const { State, HostConfig, Config } = await proxy.inspect();
    expect(State).toMatchObject({ Running: true, OOMKilled: false });
    expect(HostConfig).toMatchObject({
      Memory: MIN_MEMORY_LIMIT_BYTES,
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
    });
    expect(Config.User).toBe('1501:1501');
    for (const name of ['azwi-proxy', 'azwi-proxy-init']) {
      expect(await pod.container(name).changes()).toEqual([]);
    }
  };

  /** Asks as the kubelet does: from the node, at the address of the pod. */
  const probeLiveness = async (pod: Pod): Promise<number> => {
    const { NetworkSettings } = await pod.container('pause').inspect();
    const address = NetworkSettings.Networks[tenant.network]?.IPAddress;
    const url = `http://${address}:9808/livez`;
    return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).status;
  };

  it.concurrent('native: serves the application and its own init container', async () => {
    await inPod(await inject('--native-sidecar'), async (pod) => {
      const first = await answerOf(pod.container('migrate'), 'once');
      expect(toClaims(first)).toHaveProperty('appid', '11111111-1111-4111-8111-111111111111');
      await assertServed(pod);
      expect(await probeLiveness(pod)).toBe(200);
    });
  }, 120_000);

  it.concurrent('classic: serves the application, and keeps its init container from the node', async () => {
    await inPod(await inject('--classic'), async (pod) => {
      const first = await answerOf(pod.container('migrate'), 'once');
      expect(first).toEqual({ when: 'once', error: 'ECONNREFUSED' });
      await assertServed(pod);
      expect(await probeLiveness(pod)).toBe(200);
    });
  }, 120_000);

  it.concurrent('is served as well when the pod has a user, a group and a port of its own', async () => {
    const injected = await inject('--proxy-port=8123', '--passthrough=off');
    const spec = { ...injected.spec, containers: injected.spec?.containers ?? [] };
    const securityContext = { runAsUser: 10001, runAsGroup: 3000, fsGroup: 3000 };
    await inPod({ ...injected, spec: { ...spec, securityContext } }, async (pod) => {
      expect(await answerOf(pod.container('migrate'), 'once')).toMatchObject({ status: 200 });
      const app = pod.container('app');
      expect(await answerOf(app, 'start')).toMatchObject({ status: 200 });
      // Nobody is let through: not even the user of the proxy.
      for (const user of ['0', '1501', '1501:1501']) {
        expect(toClaims(await askInside(app, token, user))).toHaveProperty('appid');
      }
    });
  }, 120_000);
});
