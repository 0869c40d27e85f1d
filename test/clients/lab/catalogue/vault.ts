import type { Client } from '../client.ts';

/** Whole applications in small: the vault's library with the credential chain left at its default. */
export const vault: readonly Client[] = [
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
];
