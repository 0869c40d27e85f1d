import type { Client } from '../client.ts';
import { everything, selectors } from './abilities.ts';

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
    probeMs: 300,
    because:
      'Its probe gives up after 300 ms, the time that its own process takes to get to the answer included. Where many first calls meet on a busy machine, some conclude that there is no managed identity. Seen with 35 of 50 calls, and again where the client got less of the processor than the proxy. It counts as the library’s own only where the proxy has answered every probe within those 300 ms, as a tap between them sees it.',
  };
  return { concurrent: caveat, probeCold: caveat };
};

export const javascript: readonly Client[] = [
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
  },
];
