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
];

const azureCli: readonly Client[] = [
  {
    id: 'python-azure-cli-2.91',
    language: 'Python',
    library: 'azure-cli',
    version: '2.91.0',
    program: 'az',
    abilities: ['login', 'clientId', 'objectId', 'resourceId', 'secret', 'blob'],
    refusal: { error: 'exit 1' },
  },
];

/** Whole applications. */
export const applications: readonly Client[] = [...quickStarts, ...azureCli];
