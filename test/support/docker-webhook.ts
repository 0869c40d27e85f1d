import type { PodOptions } from './docker-pod.ts';
import { startTenant, type Tenant } from './docker-tenant.ts';

export type { Tenant } from './docker-tenant.ts';

const tenantId = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const credentials = [
  { audience: 'api://AzureADTokenExchange' },
  { audience: 'api://AKSIdentityBinding' },
];
const app = { clientId: 'aaaaaaaa-0000-4000-8000-00000000000a', credentials };

/**
 * The tenant that the recorded pods of the webhook belong to, under all names that they have for it.
 * @param address where it also is: the recorded identity bindings have their token proxy at 1.2.3.4
 */
export function startWebhookTenant(address?: string): Promise<Tenant> {
  return startTenant({
    tenantId,
    identities: [
      { name: 'app', ...app },
      // As the manifests in deploy/ have it.
      {
        name: 'manual',
        tenantId: '22222222-2222-4222-8222-222222222222',
        clientId: '11111111-1111-4111-8111-111111111111',
        credentials,
      },
      { name: 'app-elsewhere', ...app, tenantId: 'bbbbbbbb-1111-4000-8000-00000000000b' },
    ],
    names: [
      // Of the cluster's issuer: Entra takes no tokens that come from its own names.
      'issuer.test',
      'login.microsoftonline.com',
      'login.microsoftonline.us',
      'login.chinacloudapi.cn',
      // Where the recorded identity bindings have their token proxy.
      'abc.ests.aks',
      'token-proxy.test',
    ],
    ...(address === undefined ? {} : { address }),
  });
}

/** What stands for the images of a pod; init containers of the application ask and end. */
export function toWebhookOptions({ images }: Tenant): PodOptions {
  return {
    toImage(reference) {
      if (reference.includes('/proxy:')) return images.proxy;
      if (reference.includes('/proxy-init:')) return images.init;
      return images.app;
    },
    toCommand: (container) =>
      ['migrate', 'warm'].includes(container) ? ['node', '/app.cjs', 'once'] : undefined,
  };
}
