import type { Ability, Client } from './client.ts';

const everything: readonly Ability[] = [
  'token',
  'clientId',
  'objectId',
  'resourceId',
  'chain',
  'defaultChain',
];
const selectors: readonly Ability[] = ['token', 'clientId', 'objectId', 'resourceId'];

const azureIdentityJs = {
  language: 'JavaScript',
  library: '@azure/identity',
  program: 'azure-identity',
  refusal: { error: 'CredentialUnavailableError' },
} as const satisfies Partial<Client>;

/** What the versions before 3 do on a busy machine. */
const toImpatience = (error: string): NonNullable<Client['caveats']> => {
  const caveat = {
    observed: { error },
    isOccasional: true,
    because:
      'Its probe gives up after 300 ms, the time that its own process takes to get to the answer included. Where many first calls meet on a busy machine, some take that for the lack of a managed identity. Seen once with 35 of 50 calls.',
  };
  return { concurrent: caveat, probeCold: caveat };
};

const javascript: readonly Client[] = [
  {
    ...azureIdentityJs,
    id: 'js-azure-identity-4.14',
    version: '4.14.1',
    abilities: everything,
    isQuick: true,
  },
  { ...azureIdentityJs, id: 'js-azure-identity-4.5', version: '4.5.0', abilities: everything },
  {
    ...azureIdentityJs,
    id: 'js-azure-identity-3.4',
    version: '3.4.2',
    abilities: ['token', 'clientId', 'resourceId', 'chain', 'defaultChain'],
  },
  {
    ...azureIdentityJs,
    id: 'js-azure-identity-2.1',
    version: '2.1.0',
    abilities: ['token', 'clientId', 'resourceId', 'chain', 'defaultChain'],
    caveats: toImpatience('CredentialUnavailableError'),
  },
  {
    ...azureIdentityJs,
    id: 'js-azure-identity-1.5',
    version: '1.5.2',
    abilities: ['token', 'clientId', 'chain', 'defaultChain'],
    refusal: { error: 'CredentialUnavailable', isExplained: false },
    caveats: toImpatience('CredentialUnavailable'),
  },
  {
    id: 'js-msal-node-7.2',
    language: 'JavaScript',
    library: '@azure/msal-node',
    version: '7.2.1',
    program: 'msal-node',
    abilities: selectors,
    refusal: { error: 'ServerError' },
    isQuick: true,
  },
  {
    id: 'js-ms-rest-nodeauth-3.1',
    language: 'JavaScript',
    library: '@azure/ms-rest-nodeauth',
    version: '3.1.1',
    program: 'ms-rest-nodeauth',
    abilities: selectors,
    refusal: { error: 'Error' },
    caveats: {
      down: {
        observed: { error: 'Error' },
        isOccasional: true,
        because:
          'It looks at no status and tries nothing again: the first 503 is the end, with the text of the answer in its error. The proxy’s own tries bridge about three seconds of an outage for it, not always all of them.',
      },
    },
  },
];

const shell: readonly Client[] = [
  {
    id: 'curl',
    language: 'shell',
    library: 'curl',
    version: 'of the system',
    program: 'curl',
    abilities: selectors,
    refusal: { error: 'exit 22' },
    isQuick: true,
  },
];

const python: readonly Client[] = [
  {
    id: 'python-azure-identity-1.27',
    language: 'Python',
    library: 'azure-identity',
    version: '1.27.0',
    program: 'azure-identity',
    abilities: everything,
    refusal: { error: 'CredentialUnavailableError' },
    isQuick: true,
  },
  {
    id: 'python-azure-identity-aio-1.27',
    language: 'Python',
    library: 'azure-identity',
    version: '1.27.0',
    packages: ['aiohttp==3.13.2'],
    program: 'azure-identity-aio',
    abilities: everything,
    refusal: { error: 'CredentialUnavailableError' },
    remark: 'The asynchronous credentials, azure.identity.aio, with code of their own.',
    caveats: {
      resourceId: {
        observed: { error: 'CredentialUnavailableError' },
        because:
          '`identity_config={"resource_id": …}`, which the synchronous credential translates, goes to the wire as it is, under a name that the metadata service does not know. The proxy refuses it, rather than give out the token of the default identity, and its message names the right one, `msi_res_id`, which works here too.',
      },
    },
  },
  {
    id: 'python-azure-identity-1.12',
    language: 'Python',
    library: 'azure-identity',
    version: '1.12.0',
    packages: ['setuptools==80.9.0'],
    program: 'azure-identity',
    abilities: everything,
    refusal: { error: 'CredentialUnavailableError', isExplained: false },
  },
  {
    id: 'python-msal-1.39',
    language: 'Python',
    library: 'msal',
    version: '1.39.0',
    program: 'msal-client',
    abilities: selectors,
    refusal: { error: 'Refused' },
    isQuick: true,
  },
  {
    id: 'python-msrestazure-0.6',
    language: 'Python',
    library: 'msrestazure',
    version: '0.6.4.post1',
    packages: ['setuptools==80.9.0'],
    program: 'msrestazure-client',
    abilities: selectors,
    refusal: { error: 'HTTPError', isExplained: false },
  },
];

const azidentity = 'github.com/Azure/azure-sdk-for-go/sdk/azidentity';
const halts = {
  observed: { error: '*azidentity.AuthenticationFailedError' },
  because:
    'A chain ends at a managed identity that was asked for by name and refused: it is taken for a mistake in the configuration.',
} as const;
const givesUp = {
  observed: { error: '*azidentity.credentialUnavailableError' },
  because:
    'The first request of its default chain has one second, after which the library believes that there is no managed identity here. Asked alone, its managed identity credential waits and gets its token.',
} as const;
const go: readonly Client[] = [
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
];

const java: readonly Client[] = [
  {
    id: 'java-azure-identity-1.19',
    language: 'Java',
    library: 'com.azure:azure-identity',
    version: '1.19.0',
    packages: ['com.azure:azure-core-http-okhttp:1.13.7', 'org.slf4j:slf4j-nop:1.7.36'],
    program: 'azure-identity',
    abilities: everything,
    refusal: { error: 'ClientAuthenticationException' },
    remark:
      'With the transport azure-core-http-okhttp. With azure-core-http-jdk-httpclient 1.1.7 the 50 calls at once never ended on two cores: all 20 threads of the library’s pool waited for answers inside HttpClient.send. The default transport, Netty, was not tried. Entra’s words and the hint are in the message of the innermost cause.',
    caveats: {
      beforeFallback: {
        observed: { error: 'ClientAuthenticationException' },
        because:
          'A ManagedIdentityCredential in a ChainedTokenCredential reports every refusal as a failure of authentication, which ends the chain.',
      },
    },
  },
  {
    id: 'java-msal4j-1.26',
    language: 'Java',
    library: 'com.microsoft.azure:msal4j',
    version: '1.26.0',
    packages: ['org.slf4j:slf4j-nop:1.7.36'],
    program: 'msal4j',
    abilities: selectors,
    refusal: { error: 'MsalServiceException' },
  },
];

const rustPackages = [
  'futures = "0.3"',
  'serde_json = "1"',
  'tokio = { version = "1", features = ["macros", "rt-multi-thread"] }',
];
const rust: readonly Client[] = [
  {
    id: 'rust-azure_identity-1.0',
    language: 'Rust',
    library: 'azure_identity',
    version: '1.0.0',
    packages: ['azure_core = "1.0.0"', ...rustPackages],
    program: 'azure_identity',
    abilities: selectors,
    refusal: { error: 'Credential', isExplained: false },
  },
  {
    id: 'rust-object_store-0.14',
    language: 'Rust',
    library: 'object_store',
    version: '0.14.2',
    features: ['azure'],
    packages: rustPackages,
    program: 'object_store',
    abilities: selectors,
    onlyResource: 'https://storage.azure.com',
    refusal: { error: 'Generic' },
  },
];

/** Whole applications in small: the vault's library with the credential chain left at its default. */
const vault: readonly Client[] = [
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
    packages: [`${azidentity}@v1.15.0`],
    program: 'keyvault',
    abilities: ['secret'],
  },
];

/** Every client of the laboratory, in the order of its table. */
export const clients: readonly Client[] = [
  ...javascript,
  ...shell,
  ...python,
  ...go,
  ...java,
  ...rust,
  ...vault,
];
