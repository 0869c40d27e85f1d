import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { describeWithDocker } from '../../support/docker.ts';
import { answerOf, askInside, toClaims } from '../../support/docker-app.ts';
import { type Pod, withPod } from '../../support/docker-pod.ts';
import { startWebhookTenant, type Tenant, toWebhookOptions } from '../../support/docker-webhook.ts';

const folder = join(import.meta.dirname, '../../../deploy/manual');

/** The pod of the workload in a manifest of deploy/. */
function readPod(file: string): V1Pod {
  const documents = parseAllDocuments(readFileSync(join(folder, file), 'utf8'));
  const workload = documents
    .map((each) => each.toJS())
    .find(({ kind }) => kind !== 'ServiceAccount');
  return workload.spec.template;
}

const instance = '/metadata/instance?api-version=2021-02-01';

describeWithDocker('the pods of deploy/manual', () => {
  let tenant: Tenant;
  beforeAll(async () => {
    tenant = await startWebhookTenant();
  }, 600_000);
  afterAll(() => tenant?.remove());

  const inPod = (pod: V1Pod, act: (pod: Pod) => Promise<void>): Promise<void> => {
    const options = toWebhookOptions(tenant);
    const toCommand: typeof options.toCommand = (name) =>
      name === 'work' ? ['node', '/app.cjs', 'once'] : options.toCommand?.(name);
    return withPod(pod, tenant, { ...options, toCommand }, act);
  };

  it.concurrent.each(['native-sidecar.yaml', 'classic.yaml'])(
    '%s: the first request of the application gets its token, and forwarding works',
    async (file) => {
      await inPod(readPod(file), async (pod) => {
        const app = pod.container('app');
        expect(toClaims(await answerOf(app, 'start'))).toMatchObject({
          appid: '11111111-1111-4111-8111-111111111111',
          tid: '22222222-2222-4222-8222-222222222222',
        });
        const forwarded = await askInside(app, instance);
        expect(forwarded).toMatchObject({ status: 200, body: expect.stringContaining('the node') });
        expect(await pod.container('azwi-proxy').changes()).toEqual([]);
      });
    },
    120_000,
  );

  it.concurrent('native-sidecar.yaml: its uid alone does not get past the redirect', async () => {
    await inPod(readPod('native-sidecar.yaml'), async (pod) => {
      const answer = await askInside(pod.container('app'), instance, '1501:10001');
      // It meets the proxy, which forwards; the token path shows who answers.
      expect(answer.status).toBe(200);
      const token = await askInside(
        pod.container('app'),
        '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net',
        '1501:10001',
      );
      expect(toClaims(token)).toHaveProperty('appid');
    });
  }, 120_000);

  it.concurrent('job.yaml: the work gets its token and ends, then the proxy with 0', async () => {
    await inPod(readPod('job.yaml'), async (pod) => {
      expect(await pod.container('work').ended()).toBe(0);
      expect(await answerOf(pod.container('work'), 'once')).toMatchObject({ status: 200 });
      await pod.container('azwi-proxy').stop();
      expect(await pod.container('azwi-proxy').ended()).toBe(0);
    });
  }, 120_000);
});
