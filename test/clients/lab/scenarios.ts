import type { FaultEffect } from '../../../src/emulator/faults/fault.ts';
import type { ContentName } from './azure.ts';

/** How a program builds its credential; the word is its first argument. */
export type CredentialKind =
  /** The library's managed identity credential, alone. */
  | 'managed'
  /** The library's default chain, with its probe. */
  | 'default'
  /** A chain whose first credential is not available and whose second is the managed identity. */
  | 'after-unavailable'
  /** A chain of the managed identity and, behind it, a credential that gives the token `fallback`. */
  | 'before-fallback';

/** Whom a request asks for. */
export type SelectorName =
  | 'default'
  | 'clientId'
  | 'otherClientId'
  | 'objectId'
  | 'resourceId'
  | 'unknownClientId'
  /** Nobody: the program reads that, by the credential that it has by default. */
  | ContentName;

/** What has to come of every request of a scenario. */
export type Expectation =
  /** A token that the tenant has signed, for the identity and the resource that were asked for. */
  | 'token'
  /** An error of the library that says what Entra said and what to do. */
  | 'refusal'
  /** The token of the credential that comes next in the chain. */
  | 'fallback'
  /** What the service gives for a token that is right in every respect. */
  | ContentName;

export interface Scenario {
  /** Heading of its column. */
  readonly title: string;
  readonly explanation: string;
  readonly credential: CredentialKind;
  readonly selectors: readonly SelectorName[];
  readonly expected: Expectation;
  /** Whether any error will do as well: how long a client waits is its own choice, and is recorded. */
  readonly mayGiveUp?: boolean;
  /** How many times each credential is asked, one after the other. Default once. */
  readonly rounds?: number;
  /** What is wrong with Entra from when the program starts. */
  readonly fault?: FaultLimits & { readonly effect: FaultEffect };
  /** Whether the proxy starts anew for it, and so has neither token nor connection. */
  readonly isCold?: boolean;
  /** Whether Entra's tokens last two minutes, less than what clients think worth keeping. */
  readonly hasShortTokens?: boolean;
  /** Whether it is played only if it is asked for by name, and has a table to itself. */
  readonly isApart?: boolean;
}

/** Until so many requests have met it, or for so long from the first that meets it. */
type FaultLimits = { readonly requests: number } | { readonly durationMs: number };

export type ScenarioName = keyof typeof table;

const down = { effect: { kind: 'reset' }, durationMs: 3_000 } as const;
const throttled = { effect: { kind: 'throttle', retryAfterSeconds: 2 }, requests: 1 } as const;

const table = {
  default: {
    title: 'default',
    explanation: 'A token without naming an identity.',
    credential: 'managed',
    selectors: ['default'],
    expected: 'token',
    isCold: true,
  },
  clientId: {
    title: 'client ID',
    explanation: 'A token by client ID.',
    credential: 'managed',
    selectors: ['clientId'],
    expected: 'token',
  },
  objectId: {
    title: 'object ID',
    explanation: 'A token by object ID.',
    credential: 'managed',
    selectors: ['objectId'],
    expected: 'token',
  },
  resourceId: {
    title: 'resource ID',
    explanation: 'A token by Azure resource ID, under whichever name the library sends it.',
    credential: 'managed',
    selectors: ['resourceId'],
    expected: 'token',
  },
  twoIdentities: {
    title: 'two',
    explanation: 'Two identities at once in one process, each with its own token.',
    credential: 'managed',
    selectors: ['clientId', 'otherClientId'],
    expected: 'token',
  },
  unknown: {
    title: 'unknown',
    explanation:
      'A client ID that the tenant does not know: the error of the library that means that, with AADSTS700016 and our hint in its message.',
    credential: 'managed',
    selectors: ['unknownClientId'],
    expected: 'refusal',
  },
  afterUnavailable: {
    title: 'chain, second',
    explanation: 'A token as the second link of a chain whose first is not available.',
    credential: 'after-unavailable',
    selectors: ['default'],
    expected: 'token',
  },
  beforeFallback: {
    title: 'chain continues',
    explanation:
      'An identity that the tenant does not know as the first link of a chain: the second one is asked.',
    credential: 'before-fallback',
    selectors: ['unknownClientId'],
    expected: 'fallback',
  },
  probeCold: {
    title: 'DAC cold',
    explanation: 'The default chain, with its probe, against a proxy that has just started.',
    credential: 'default',
    selectors: ['default'],
    expected: 'token',
    isCold: true,
  },
  probeDown: {
    title: 'DAC, Entra down',
    explanation: 'The default chain while Entra resets every connection for 3 seconds.',
    credential: 'default',
    selectors: ['default'],
    expected: 'token',
    fault: down,
  },
  probeThrottled: {
    title: 'DAC, 429',
    explanation: 'The default chain, where Entra first answers 429 with Retry-After: 2.',
    credential: 'default',
    selectors: ['default'],
    expected: 'token',
    fault: throttled,
  },
  down: {
    title: 'Entra down',
    explanation: 'A token while Entra resets every connection for 3 seconds.',
    credential: 'managed',
    selectors: ['default'],
    expected: 'token',
    fault: down,
  },
  throttled: {
    title: '429',
    explanation: 'A token where Entra first answers 429 with Retry-After: 2.',
    credential: 'managed',
    selectors: ['default'],
    expected: 'token',
    fault: throttled,
  },
  concurrent: {
    title: '50 at once',
    explanation:
      '50 credentials of one process ask at the same moment for a token that is not cached.',
    credential: 'managed',
    selectors: Array.from({ length: 50 }, (): SelectorName => 'default'),
    expected: 'token',
  },
  shortLived: {
    title: 'near expiry',
    explanation:
      'Twice a token that ends within two minutes, which clients do not like to keep. Both must be valid. The second may be the first again, from the cache of the client or of the proxy.',
    credential: 'managed',
    selectors: ['default'],
    expected: 'token',
    rounds: 2,
    isCold: true,
    hasShortTokens: true,
  },
  secret: {
    title: 'secret',
    explanation:
      'The Key Vault quick start: a secret, by DefaultAzureCredential or by the Azure CLI, from a vault over TLS that asks for a token by its challenge and checks signature, issuer, audience, expiry and client ID.',
    credential: 'default',
    selectors: ['secret'],
    expected: 'secret',
    isCold: true,
  },
  blob: {
    title: 'blob',
    explanation:
      'A blob, by DefaultAzureCredential or by the Azure CLI, from a storage account over TLS that checks the token in the same way.',
    credential: 'default',
    selectors: ['blob'],
    expected: 'blob',
    isCold: true,
  },
  subscription: {
    title: 'ARM',
    explanation:
      'The name of a subscription, from an emulated Azure Resource Manager over TLS that checks the token in the same way.',
    credential: 'default',
    selectors: ['subscription'],
    expected: 'subscription',
    isCold: true,
  },
  outage: {
    title: 'outage',
    explanation: 'A token while Entra answers 503 for 25 seconds.',
    credential: 'managed',
    selectors: ['default'],
    expected: 'token',
    mayGiveUp: true,
    fault: { effect: { kind: 'server-error', status: 503 }, durationMs: 25_000 },
    isApart: true,
  },
} as const satisfies Record<string, Scenario>;

export const scenarioNames = Object.keys(table) as readonly ScenarioName[];

/** What the laboratory does with every client, in this order. */
export const scenarios: Readonly<Record<ScenarioName, Scenario>> = table;

/** Those that are played unless others are named. */
export const usualScenarioNames = scenarioNames.filter((name) => !scenarios[name].isApart);
