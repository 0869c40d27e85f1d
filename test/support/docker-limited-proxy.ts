import { expect } from 'vitest';
import type { Container, startContainer } from './docker.ts';
import type { Tenant } from './docker-webhook.ts';

/** Starts a container that the caller removes. */
export type Start = typeof startContainer;

const federatedToken = {
  name: 'token',
  projected: {
    sources: [
      {
        serviceAccountToken: {
          path: 'azure-identity-token',
          audience: 'api://AzureADTokenExchange',
        },
      },
    ],
  },
};

/**
 * Makes the network namespace of a pod whose connections to the metadata service lead to the proxy.
 * @returns the network mode of its containers
 */
export async function startRedirectedNetwork(start: Start, tenant: Tenant): Promise<string> {
  const pause = await start('pause', {
    Image: tenant.images.pause,
    HostConfig: { NetworkMode: tenant.network, CapAdd: ['NET_ADMIN'] },
  });
  const NetworkMode = `container:${pause.id}`;
  const init = await start('init', {
    Image: tenant.images.init,
    User: '0',
    HostConfig: { NetworkMode, CapDrop: ['ALL'], CapAdd: ['NET_ADMIN'] },
  });
  expect(await init.ended(), await init.logs()).toBe(0);
  return NetworkMode;
}

export interface LimitedProxyOptions {
  readonly memoryBytes: number;
  readonly network: string;
  readonly env?: readonly string[];
  readonly binds?: readonly string[];
  readonly cpus?: number | undefined;
}

/** Starts a proxy with a memory limit, and waits until it is ready. */
export async function startLimitedProxy(
  start: Start,
  tenant: Tenant,
  { memoryBytes, network, env = [], binds = [], cpus }: LimitedProxyOptions,
): Promise<Container> {
  const proxy = await start('proxy', {
    Image: tenant.images.proxy,
    Env: [
      'AZURE_CLIENT_ID=aaaaaaaa-0000-4000-8000-00000000000a',
      'AZURE_TENANT_ID=72f988bf-86f1-41af-91ab-2d7cd011db47',
      'AZURE_FEDERATED_TOKEN_FILE=/var/run/secrets/azure/wi/azure-identity-token',
      ...env,
    ],
    HostConfig: {
      NetworkMode: network,
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      ...(cpus !== undefined && { NanoCpus: cpus * 1e9 }),
      Binds: [`${await tenant.toFolder(federatedToken)}:/var/run/secrets/azure/wi:ro`, ...binds],
    },
  });
  expect(await proxy.exec(['/proxy', '--probe'])).toMatchObject({ exitCode: 0 });
  return proxy;
}
