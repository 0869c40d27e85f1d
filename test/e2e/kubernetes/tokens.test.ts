import type { V1Job, V1PodList } from '@kubernetes/client-node';
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { postForm } from '../../../src/emulator/http/post-form.ts';
import { answerOf, toClaims } from '../../support/docker-app.ts';
import { describeOnCurrent, useKubernetes } from '../../support/kubernetes.ts';
import {
  parseManifests,
  readManifests,
  toClassic,
  toLocal,
} from '../../support/kubernetes-manifest.ts';
import { findPod, untilRolledOut } from '../../support/kubernetes-pod.ts';
import { withWebhookToken } from '../../support/kubernetes-webhook.ts';

const kubernetes = useKubernetes();
const { cluster, tenant } = kubernetes;

/** The identity of the manifests in deploy/. */
const manualClientId = '11111111-1111-4111-8111-111111111111';

async function readKeyIds(): Promise<readonly string[]> {
  const { keys } = JSON.parse(await cluster.kubectl(['get', '--raw', '/openid/v1/jwks']));
  return keys.map(({ kid }: { readonly kid: string }) => kid);
}

beforeAll(async () => {
  await kubernetes.createAccounts({ shop: ['legacy-app'] });
  await kubernetes.addIdentity('manual', ['shop:legacy-app'], manualClientId);
});

describe('deploy/manual/classic.yaml', () => {
  beforeAll(async () => {
    const manifests = readManifests('deploy/manual/classic.yaml');
    await cluster.apply(manifests.map((manifest) => toLocal(manifest, tenant)));
    await untilRolledOut(cluster, 'shop', 'deployment/legacy-app');
  });

  it('the first request of the application gets a token of its identity', async () => {
    const pod = await findPod(cluster, 'shop', 'legacy-app');
    const answer = await answerOf(pod.container('app'), 'start');
    expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
    expect(toClaims(answer)).toMatchObject({ appid: manualClientId, tid: tenant.tenantId });
  });

  it("for the token of its own ServiceAccount, which the API server's published keys verify", async () => {
    const [request] = await kubernetes.requestsOf('shop:legacy-app');
    expect(request).toMatchObject({
      clientId: manualClientId,
      assertion: { iss: tenant.issuerUrl, aud: ['api://AzureADTokenExchange'] },
      outcome: { status: 200 },
    });
    expect(await readKeyIds()).toContain(request?.assertion?.kid);
  });

  it('the proxy serves at the smallest privileges, and is ready without a restart', async () => {
    const pod = await findPod(cluster, 'shop', 'legacy-app');
    expect(await pod.status('azwi-proxy')).toMatchObject({ ready: true, restartCount: 0 });
    const { output } = await pod
      .container('azwi-proxy')
      .exec([
        '/usr/local/bin/node',
        '-e',
        "console.log(require('fs').readFileSync('/proc/self/status', 'utf8'))",
      ]);
    expect(output).toMatch(/^Uid:\s+1501\s/m);
    expect(output).toMatch(/^Gid:\s+1501\s/m);
    expect(output).toMatch(/^CapEff:\s+0+$/m);
    expect(output).toMatch(/^NoNewPrivs:\s+1$/m);
  });
});

describeOnCurrent('deploy/manual/native-sidecar.yaml', () => {
  it('replaces the classic one, and serves the first request of the application', async () => {
    const manifests = readManifests('deploy/manual/native-sidecar.yaml');
    await cluster.apply(manifests.map((manifest) => toLocal(manifest, tenant)));
    await untilRolledOut(cluster, 'shop', 'deployment/legacy-app');
    const pod = await findPod(cluster, 'shop', 'legacy-app');
    const answer = await answerOf(pod.container('app'), 'start');
    expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
    expect(toClaims(answer)).toMatchObject({ appid: manualClientId, tid: tenant.tenantId });
    expect(await pod.status('azwi-proxy')).toMatchObject({ ready: true, restartCount: 0 });
  });
});

describeOnCurrent('deploy/component', () => {
  it('deploy/example, built by kustomize, gets a token once the webhook has added its volume', async () => {
    const built = await cluster.kubectl(['kustomize', 'deploy/example']);
    const { clientId } = await kubernetes.addIdentity('component', ['component:legacy-app']);
    const manifests = parseManifests(built).map((manifest) =>
      withWebhookToken(toLocal(manifest, tenant), tenant, clientId),
    );
    await kubernetes.createAccounts({ component: ['legacy-app'] });
    await cluster.apply(
      manifests.map((manifest) => ({
        ...manifest,
        metadata: { ...manifest.metadata, namespace: 'component' },
      })),
    );
    await untilRolledOut(cluster, 'component', 'deployment/legacy-app');
    const pod = await findPod(cluster, 'component', 'legacy-app');
    for (const [container, when] of [
      ['migrate', 'once'],
      ['app', 'start'],
    ] as const) {
      const answer = await answerOf(pod.container(container), when);
      expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 });
    }
  });
});

describe('deploy/manual/job.yaml, as a classic sidecar', () => {
  it('does its work, but never completes', async () => {
    const [, job] = readManifests('deploy/manual/job.yaml');
    if (job === undefined) throw new Error('the file has no Job');
    // The template of a Job cannot be changed: the name of the file's stays free for other tests.
    const renamed = { ...job, metadata: { ...job.metadata, name: 'classic' } };
    await cluster.apply([toLocal(toClassic(renamed), tenant)]);
    const where = ['--namespace=shop', '--selector=app=nightly'];
    await expect
      .poll(async () => (await cluster.get<V1PodList>('pods', ...where)).items, { timeout: 20_000 })
      .toHaveLength(1);
    const pod = await findPod(cluster, 'shop', 'nightly');
    expect(await answerOf(pod.container('work'), 'once')).toMatchObject({ status: 200 });
    await expect
      .poll(async () => (await pod.status('work')).state?.terminated?.exitCode, { timeout: 20_000 })
      .toBe(0);
    expect((await pod.status('azwi-proxy')).state).toHaveProperty('running');
    const { status } = await cluster.get<V1Job>('job', '--namespace=shop', 'classic');
    expect(status).toMatchObject({ active: 1 });
  });
});

describe('the fake Entra', () => {
  const request = async (assertion: string) =>
    postForm(
      `${tenant.authorityHost}/${tenant.tenantId}/oauth2/v2.0/token`,
      new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: manualClientId,
        scope: 'https://vault.azure.net/.default',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      }),
      { caPem: tenant.caPem, signal: AbortSignal.timeout(10_000) },
    );
  const requestToken = async (): Promise<string> => {
    const path = '/api/v1/namespaces/shop/serviceaccounts/legacy-app/token';
    const answer = await cluster.kubectl(
      ['create', '--raw', path, '--filename=-'],
      JSON.stringify({
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { audiences: ['api://AzureADTokenExchange'] },
      }),
    );
    return JSON.parse(answer).status.token;
  };

  it('takes a token of the API server, and not the same claims signed by another key', async () => {
    const real = await requestToken();
    expect(await request(real)).toMatchObject({ status: 200 });
    const { privateKey } = await generateKeyPair('RS256');
    const { kid = '' } = decodeProtectedHeader(real);
    const forged = await new SignJWT(decodeJwt(real))
      .setProtectedHeader({ alg: 'RS256', kid })
      .sign(privateKey);
    const answer = await request(forged);
    expect(answer).toMatchObject({ status: 401 });
    expect(answer.body).toContain('AADSTS700027');
  });
});
