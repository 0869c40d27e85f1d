import type { Client } from '../client.ts';

/** The quick starts of Azure's services: their library, with the credential chain left at its default. */
const quickStarts: readonly Client[] = [
  {
    id: 'js-keyvault-secrets-4.12',
    language: 'JavaScript',
    library: '@azure/keyvault-secrets',
    version: '4.12.0',
    packages: ['@azure/identity@4.14.1'],
    program: 'keyvault',
    abilities: ['secret'],
  },
  {
    id: 'python-keyvault-secrets-4.12',
    language: 'Python',
    library: 'azure-keyvault-secrets',
    version: '4.12.0',
    packages: ['azure-identity==1.27.0'],
    program: 'keyvault',
    abilities: ['secret'],
  },
  {
    id: 'go-azsecrets-1.5',
    language: 'Go',
    library: 'github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets',
    version: '1.5.1',
    packages: ['github.com/Azure/azure-sdk-for-go/sdk/azidentity@v1.15.0'],
    program: 'keyvault',
    abilities: ['secret'],
  },
  {
    id: 'js-storage-blob-12.34',
    language: 'JavaScript',
    library: '@azure/storage-blob',
    version: '12.34.0',
    packages: ['@azure/identity@4.14.1'],
    program: 'blob',
    abilities: ['blob'],
  },
  {
    id: 'python-storage-blob-12.31',
    language: 'Python',
    library: 'azure-storage-blob',
    version: '12.31.1',
    packages: ['azure-identity==1.27.0'],
    program: 'blob',
    abilities: ['blob'],
  },
  {
    id: 'go-azblob-1.8',
    language: 'Go',
    library: 'github.com/Azure/azure-sdk-for-go/sdk/storage/azblob',
    version: '1.8.3',
    packages: ['github.com/Azure/azure-sdk-for-go/sdk/azidentity@v1.15.0'],
    program: 'blob',
    abilities: ['blob'],
  },
  {
    id: 'python-adlfs-2026.8',
    language: 'Python',
    library: 'adlfs',
    version: '2026.8.0',
    packages: ['azure-identity==1.27.0'],
    program: 'adlfs-client',
    abilities: ['blob'],
    remark: 'What pandas, Dask and others read abfs:// with.',
  },
];

const az = {
  language: 'Python',
  library: 'azure-cli',
  program: 'az',
  abilities: ['login', 'clientId', 'objectId', 'resourceId', 'secret', 'blob', 'subscription'],
  refusal: { error: 'exit 1' },
} as const satisfies Partial<Client>;

const azureCli: readonly Client[] = [
  {
    ...az,
    id: 'python-azure-cli-2.91',
    version: '2.91.0',
    remark:
      'Every request is a login, `az login --identity` with `--client-id`, `--object-id` or `--resource-id`, and then a command of its own: `az account get-access-token`, `az keyvault secret show` or `az storage blob download --auth-mode login`. Each login also reads its subscriptions from an emulated Resource Manager over TLS, which checks the token. At its first login it also looks for its own newest version at azcliprod.blob.core.windows.net, which cannot be reached here, and goes on.',
  },
  {
    ...az,
    id: 'python-azure-cli-2.45-debian',
    version: '2.45.0-1',
    ecosystem: 'Debian',
    refusal: { error: 'exit 1', isExplained: false },
    remark:
      'It takes every kind of ID as `--username`, and asks for an ID that is refused as a client ID again as an object ID. Of a refusal it says no more than “Failed to connect to MSI, check your managed service identity id.”',
    caveats: {
      secret: {
        observed: { error: 'exit 1', words: "No module named 'azure.keyvault.v7_0'" },
        because:
          'As Debian 12 packages it, `az keyvault secret` ends before it has asked anybody for anything: the module `azure.keyvault.v7_0`, which it imports, is in none of the packages that it depends on. Its login and its tokens work.',
      },
    },
  },
];

/** Whole applications. */
export const applications: readonly Client[] = [...quickStarts, ...azureCli];
