import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Container, describeWithDocker } from '../../support/docker.ts';
import { type AppAnswer, answerOf, askInside, toClaims } from '../../support/docker-app.ts';
import { type Pod, withPod } from '../../support/docker-pod.ts';
import { startWebhookTenant, type Tenant, toWebhookOptions } from '../../support/docker-webhook.ts';

interface Case {
  readonly name: string;
  readonly pod: V1Pod;
}

const fixtures = join(import.meta.dirname, '../../fixtures');
const read = (file: string) => JSON.parse(readFileSync(join(fixtures, file), 'utf8')).cases;
/** Recorded from the real webhook v1.6.0, and the other forms that upstream's sources have. */
const cases: readonly Case[] = [
  ...read('inject/webhook-pods.json').map(
    ({ name, injected }: { name: string; injected: V1Pod }) => ({
      name,
      pod: injected,
    }),
  ),
  ...read('webhook/upstream-forms.json'),
];

const instance = '/metadata/instance?api-version=2021-02-01';
const token =
  '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net';
const isOurs = ({ image = '' }: V1Container): boolean => image.includes(':ours');
const variable = ({ env }: V1Container, wanted: string) =>
  env?.find(({ name }) => name === wanted)?.value ?? '';

/** Asks until the proxy listens. */
async function askOnceReady(app: Container): Promise<AppAnswer> {
  let answer = await askInside(app, token);
  for (let attempt = 0; attempt < 50 && answer.error === 'ECONNREFUSED'; attempt += 1) {
    answer = await askInside(app, token);
  }
  return answer;
}

describeWithDocker('a pod of the webhook, with our images', () => {
  let tenant: Tenant;
  beforeAll(async () => {
    tenant = await startWebhookTenant('1.2.3.4');
  }, 600_000);
  afterAll(() => tenant?.remove());

  const inPod = (pod: V1Pod, act: (pod: Pod) => Promise<void>): Promise<void> =>
    withPod(pod, tenant, toWebhookOptions(tenant), act);

  const refused = (name: string): boolean => name.endsWith('identity binding, CA data');
  it.concurrent.each(cases.filter(({ name }) => !refused(name)))(
    '$name',
    async ({ pod }) => {
      const spec = pod.spec ?? { containers: [] };
      const inits = spec.initContainers ?? [];
      const every = [...inits, ...spec.containers];
      const proxy = every.find((each) => each.image?.includes('/proxy:'));
      const init = every.find((each) => each.image?.includes('/proxy-init:'));
      if (proxy === undefined || init === undefined)
        throw new Error('a pod without our containers');
      const clientId = variable(proxy, 'AZURE_CLIENT_ID');

      await inPod(pod, async (running) => {
        for (const { name } of spec.containers.filter((each) => !isOurs(each))) {
          const app = running.container(name);
          const first = await answerOf(app, name === 'work' ? 'once' : 'start');
          // The application may be first if the proxy comes after it or has no hook to wait for. Otherwise
          // its very first request is answered.
          const mayBeFirst = proxy.lifecycle === undefined || spec.containers.indexOf(proxy) > 0;
          const isTooEarly = mayBeFirst && first.error === 'ECONNREFUSED';
          const answer = isTooEarly ? await askOnceReady(app) : first;
          if (clientId === '') {
            expect(answer).toMatchObject({
              status: 400,
              body: expect.stringContaining('Identity not found'),
            });
            const named = await askInside(
              app,
              `${token}&client_id=aaaaaaaa-0000-4000-8000-00000000000a`,
            );
            expect(toClaims(named)).toMatchObject({
              appid: 'aaaaaaaa-0000-4000-8000-00000000000a',
            });
            continue;
          }
          expect(answer.status, JSON.stringify(answer)).toBe(200);
          expect(toClaims(answer)).toMatchObject({
            appid: clientId,
            tid: variable(proxy, 'AZURE_TENANT_ID'),
            aud: 'https://vault.azure.net',
          });
        }

        // The application's own init containers run before the webhook's init: they reach the node.
        for (const { name } of inits.filter((each) => !isOurs(each))) {
          const { body } = await answerOf(running.container(name), 'once');
          expect(body).toContain('the identity of the node');
        }

        const serving = spec.containers.find((each) => !isOurs(each) && each.name !== 'work');
        if (serving !== undefined) {
          const app = running.container(serving.name);
          // The exemption is by user: the proxy's own reaches the real service.
          const direct = await askInside(app, instance, '1501');
          expect(direct).toMatchObject({ status: 200, body: expect.stringContaining('the node') });

          const forwarded = await askInside(app, instance);
          if (spec.securityContext?.runAsUser === undefined) {
            expect(forwarded).toMatchObject({
              status: 200,
              body: expect.stringContaining('the node'),
            });
          } else {
            // The proxy runs as the pod's user, whom the redirect sends back to it: no loop, a clear word.
            expect(forwarded.status).toBeGreaterThanOrEqual(400);
            const log = await running.container(proxy.name).logs();
            expect(log).toMatch(/"level":"error".*pass-through/i);
            expect(log.split('\n').length).toBeLessThan(50);
          }
        }

        for (const { name } of [proxy, init]) {
          expect(await running.container(name).changes()).toEqual([]);
        }
        const { State } = await running.container(proxy.name).inspect();
        expect(State).toMatchObject({ Running: true, OOMKilled: false });
      });
    },
    120_000,
  );

  it.concurrent.each(cases.filter(({ name }) => refused(name)))(
    '$name: refused by name, since CA and CA file exclude each other',
    async ({ pod }) => {
      await expect(inPod(pod, async () => {})).rejects.toThrow(
        /AZURE_KUBERNETES_CA_DATA|AZURE_KUBERNETES_CA_FILE/,
      );
    },
    120_000,
  );
});
