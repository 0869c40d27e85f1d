import type { Client } from '../client.ts';
import { everything, selectors } from './abilities.ts';

export const python: readonly Client[] = [
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
        observed: { error: 'CredentialUnavailableError', words: 'msi_res_id' },
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
