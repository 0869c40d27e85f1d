import type { Client } from '../client.ts';
import { everything, selectors } from './abilities.ts';

const azureIdentity = {
  language: '.NET',
  library: 'Azure.Identity',
  program: 'azure-identity-net',
  refusal: { error: 'AuthenticationFailedException' },
  caveats: {
    beforeFallback: {
      observed: { error: 'AuthenticationFailedException', words: 'AADSTS700016' },
      because:
        'A ManagedIdentityCredential reports every refusal as a failure of authentication, which ends a ChainedTokenCredential.',
    },
  },
} as const satisfies Partial<Client>;

const azureMcp = {
  language: '.NET',
  ecosystem: 'npm program',
  library: '@azure/mcp-linux-x64',
  title: 'Azure MCP Server',
  program: 'azmcp',
  modules: ['service'],
  service: ['shop.vault.azure.net'],
  abilities: ['process', 'clientId', 'secret', 'subscription'],
  onlyResource: 'https://vault.azure.net',
  refusal: { error: 'exit 1' },
} as const satisfies Partial<Client>;

export const dotnet: readonly Client[] = [
  {
    ...azureIdentity,
    id: 'dotnet-azure-identity-1.15',
    version: '1.15.0',
    packages: ['@azure/mcp-linux-x64@0.5.13'],
    abilities: [...everything, 'secret', 'blob'],
    remark:
      'The secret is read by Azure.Security.KeyVault.Secrets 4.7.0, the blob by Azure.Storage.Blobs 12.24.0. These libraries and their runtime are those of Azure’s MCP server.',
  },
  {
    ...azureIdentity,
    id: 'dotnet-azure-identity-1.14',
    version: '1.14.0',
    packages: ['@azure/mcp-linux-x64@0.5.0'],
    abilities: [...everything, 'secret', 'blob'],
  },
  {
    ...azureIdentity,
    id: 'dotnet-azure-identity-1.13',
    version: '1.13.2',
    packages: ['@azure/mcp-linux-x64@0.0.10'],
    abilities: [...everything, 'blob'],
  },
  {
    id: 'dotnet-msal-4.76',
    language: '.NET',
    library: 'Microsoft.Identity.Client',
    title: 'MSAL.NET',
    version: '4.76.0',
    packages: ['@azure/mcp-linux-x64@0.5.13'],
    program: 'msal-net',
    abilities: selectors,
    refusal: { error: 'MsalServiceException' },
  },
  {
    ...azureMcp,
    id: 'dotnet-azure-mcp-3.0',
    version: '3.0.0-beta.46',
    remark:
      'A native program with Azure.Identity 1.21.0 and Azure.Core 1.62.0, by its command line: it reads a secret from a vault, and lists subscriptions. It looks for IMDSv2 first. A machine with IMDSv1 only answers 404, which Azure.Core retries five times: the first token is 25 s late ([azure-sdk-for-net 62761](https://github.com/Azure/azure-sdk-for-net/issues/62761)). The proxy answers 405 to Azure.Core, and the program continues at once.',
  },
  {
    ...azureMcp,
    id: 'dotnet-azure-mcp-2.0',
    version: '2.0.5',
    remark:
      'The same program with Azure.Identity 1.17.1. The probe of 1.17 names no resource; those of 1.13, 1.14 and 1.15 do.',
  },
  {
    ...azureMcp,
    id: 'dotnet-azure-mcp-1.0',
    version: '1.0.4',
    remark:
      'The same program with Azure.Identity 1.16.0. Its `ManagedIdentityCredential` does not probe.',
  },
];
