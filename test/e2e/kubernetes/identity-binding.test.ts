import type { V1SubjectAccessReview } from '@kubernetes/client-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { answerOf, toClaims } from '../../support/docker-app.ts';
import { useKubernetes } from '../../support/kubernetes.ts';
import { readManifests } from '../../support/kubernetes-manifest.ts';
import { findPod, untilRolledOut } from '../../support/kubernetes-pod.ts';

const kubernetes = useKubernetes();
const { cluster, tenant } = kubernetes;
const clientId = '11111111-1111-4111-8111-111111111111';
const account = 'shop:tenant-portal';

/** The API server's word for whether a ServiceAccount may use the identity. */
async function mayUse(name: string): Promise<boolean> {
  const { status } = await cluster.ask<V1SubjectAccessReview>({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: `system:serviceaccount:${name}`,
      resourceAttributes: {
        group: 'cid.wi.aks.azure.com',
        resource: clientId,
        verb: 'use-managed-identity',
      },
    },
  });
  return status?.allowed ?? false;
}

describe('identity binding', () => {
  beforeAll(() => kubernetes.createAccounts({ shop: ['tenant-portal', 'intruder'] }));

  it('deploy/identity-binding/rbac.yaml lets its ServiceAccount use the identity, and no other', async () => {
    expect(await mayUse(account)).toBe(false);
    await cluster.apply(readManifests('deploy/identity-binding/rbac.yaml'));
    expect(await mayUse(account)).toBe(true);
    expect(await mayUse('shop:intruder')).toBe(false);
  });

  it.each([
    ['tenant-portal', 200],
    ['intruder', 400],
  ])(
    'the token proxy, which the API server tells whose token it is, answers %s with %i',
    async (app, status) => {
      const name = `bound-${app}`;
      const binding = await kubernetes.addIdentity(name, []);
      await kubernetes.ask('PUT', '/bindings', {
        clientId: binding.clientId,
        subjects: [`system:serviceaccount:${account}`],
      });
      const ca = { 'ca.crt': tenant.tokenProxy.caPem };
      await cluster.apply([
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'token-proxy-ca', namespace: 'shop' },
          data: ca,
        },
      ]);
      const { exitCode, output, report } = await kubernetes.filter(
        'inject',
        [
          ...kubernetes.injectFlags(binding.clientId),
          '--identity-binding',
          `--token-proxy=${tenant.tokenProxy.url}`,
          `--token-proxy-sni=${tenant.tokenProxy.serverName}`,
          '--token-proxy-ca=token-proxy-ca',
        ],
        stringify({
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name, namespace: 'shop' },
          spec: {
            selector: { matchLabels: { app: name } },
            template: {
              metadata: { labels: { app: name } },
              spec: {
                serviceAccountName: app,
                containers: [{ name: 'app', image: tenant.images.app }],
              },
            },
          },
        }),
      );
      expect(exitCode, report).toBe(0);
      await cluster.apply(output);
      await untilRolledOut(cluster, 'shop', `deployment/${name}`);
      const pod = await findPod(cluster, 'shop', name);
      const answer = await answerOf(pod.container('app'), 'start');
      expect(answer.status, answer.body).toBe(status);
      const [request] = await kubernetes.requestsOf(`shop:${app}`);
      expect(request).toMatchObject({
        server: 'token-proxy',
        serverName: tenant.tokenProxy.serverName,
        assertion: { iss: tenant.issuerUrl, aud: ['api://AKSIdentityBinding'] },
        outcome: { status: status === 200 ? 200 : 403 },
      });
      if (status === 200) expect(toClaims(answer)).toMatchObject({ appid: binding.clientId });
      else expect(answer.body).toContain('use-managed-identity');
    },
  );
});
