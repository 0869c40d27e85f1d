import type { Client } from '../client.ts';
import { everything, selectors } from './abilities.ts';

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
];
