import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { changePod, containersOf, type Manifest, toLocal } from './kubernetes-manifest.ts';
import type { KubernetesTenant } from './kubernetes-tenant.ts';

/** A pod as the webhook of azure-workload-identity v1.6.0 injected it, by the name of its recording. */
export interface RecordedPod {
  readonly name: string;
  readonly pod: Manifest;
}

const file = join(import.meta.dirname, '../fixtures/inject/webhook-pods.json');
const recordedTenant = /72f988bf-86f1-41af-91ab-2d7cd011db47/g;
/** The ConfigMap that recorded identity bindings get for their CA. */
export const tokenProxyCa = 'token-proxy-ca';
export const recordedClientId = 'aaaaaaaa-0000-4000-8000-00000000000a';

/** The recorded pods for a real cluster: with its tenant, its token proxy and local images. */
export function readWebhookPods(
  tenant: Omit<KubernetesTenant, 'stop'>,
  namespace: string,
): readonly RecordedPod[] {
  const text = readFileSync(file, 'utf8')
    .replaceAll(recordedTenant, tenant.tenantId)
    .replaceAll('https://1.2.3.4:443', tenant.tokenProxy.url)
    .replaceAll('abc.ests.aks', tenant.tokenProxy.serverName)
    .replaceAll('kube-root-ca.crt', tokenProxyCa);
  const cases: readonly { readonly name: string; readonly injected: Manifest }[] =
    JSON.parse(text).cases;
  return cases.map(({ name, injected }, index) => {
    const app = `recorded-${index}`;
    const { labels, annotations } = injected.metadata ?? {};
    const metadata = {
      name: app,
      namespace,
      labels: { ...labels, app },
      ...(annotations && { annotations }),
    };
    const { apiVersion, kind, spec } = toLocal(injected, tenant);
    return { name, pod: { apiVersion, kind, metadata, ...(spec && { spec }) } };
  });
}

/** The pod as a webhook makes it whose images nobody can set. */
export function withUpstreamImages(pod: Manifest): Manifest {
  return changePod(pod, (spec) => {
    for (const container of containersOf(spec)) {
      if (container.name === 'azwi-proxy') container.image = 'upstream.example/proxy:1.6.0';
      if (container.name === 'azwi-proxy-init')
        container.image = 'upstream.example/proxy-init:1.6.0';
    }
  });
}

/** What the webhook gives to a pod that has the label and no annotation: the token and the identity. */
export function withWebhookToken(
  manifest: Manifest,
  tenant: Omit<KubernetesTenant, 'stop'>,
  clientId: string,
): Manifest {
  const name = 'azure-identity-token';
  const mountPath = '/var/run/secrets/azure/wi';
  const serviceAccountToken = {
    audience: 'api://AzureADTokenExchange',
    expirationSeconds: 3600,
    path: `token/${name}`,
  };
  return changePod(manifest, (spec) => {
    spec.volumes = [
      ...(spec.volumes ?? []),
      { name, projected: { sources: [{ serviceAccountToken }] } },
    ];
    for (const container of containersOf(spec)) {
      container.env = [
        ...(container.env ?? []),
        { name: 'AZURE_CLIENT_ID', value: clientId },
        { name: 'AZURE_TENANT_ID', value: tenant.tenantId },
        { name: 'AZURE_FEDERATED_TOKEN_FILE', value: `${mountPath}/token/${name}` },
      ];
      container.volumeMounts = [
        ...(container.volumeMounts ?? []),
        { name, mountPath, readOnly: true },
      ];
    }
  });
}
