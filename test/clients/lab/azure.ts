import type { Emulator } from '../../../src/emulator/api.ts';
import {
  type AzureServices,
  startAzureServices,
} from '../../../src/emulator/azure-services/azure-services.ts';
import { createBlobAccount } from '../../../src/emulator/azure-services/blob-account.ts';
import { createKeyVault } from '../../../src/emulator/azure-services/key-vault.ts';
import { createResourceManager } from '../../../src/emulator/azure-services/resource-manager.ts';
import { systemClock } from '../../../src/emulator/clock.ts';
import { toStableGuid } from '../../../src/emulator/stable-guid.ts';

/** What applications read, and where. */
export const contents = {
  secret: {
    address: 'https://shop.vault.azure.net',
    name: 'greeting',
    value: 'Hello from the vault',
  },
  blob: {
    address: 'https://shop.blob.core.windows.net',
    name: 'letters/greeting.txt',
    value: 'Hello from the storage account',
  },
  subscription: {
    address: 'https://management.azure.com',
    name: toStableGuid('subscription'),
    value: 'Shop',
  },
} as const;
export type ContentName = keyof typeof contents;

export function isContentName(name: string): name is ContentName {
  return Object.hasOwn(contents, name);
}

/** A vault, a storage account and a subscription, which the first identity of the tenant may read. */
export function startServices(emulator: Emulator): Promise<AzureServices> {
  const { secret, blob, subscription } = contents;
  const { tenantId } = emulator;
  const readers = emulator.identities
    .list()
    .slice(0, 1)
    .map(({ clientId }) => clientId);
  return startAzureServices(
    { clock: systemClock, tenant: emulator },
    {
      services: [
        createKeyVault({
          ...{ name: 'shop', tenantId, readers },
          secrets: { [secret.name]: secret.value },
        }),
        createBlobAccount({
          ...{ name: 'shop', tenantId, readers },
          blobs: { [blob.name]: blob.value },
        }),
        createResourceManager({
          ...{ tenantId, readers },
          subscription: { id: subscription.name, name: subscription.value },
        }),
      ],
    },
  );
}
