/** Every number of the simulation that is not the product's own, with its reason. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/**
 * `documented`: Microsoft's documentation says so. `source`: read in the source of the client or proxy.
 * `assumed`: nobody publishes it.
 */
export type Basis = 'documented' | 'source' | 'assumed';

export interface Assumption {
  readonly what: string;
  readonly value: string;
  readonly basis: Basis;
  /** The document, or the reason for the assumed value. */
  readonly reason: string;
}

/** POSTs that Entra answers for one tenant, unless the command line says otherwise. */
export const TENANT_LIMIT_PER_SECOND = 500;
/** POSTs that may come at once on top of the rate: one second of it. */
export const BURST_SECONDS = 1;
export const RETRY_AFTER_SECONDS = 60;

export const LATENCY_MEDIAN_MS = 150;
/** Spread of the logarithm of the latency. The 99th percentile is four times the median. */
export const LATENCY_SIGMA = 0.6;
/** How long a refusal takes: 429 and 503 come from the first machine on the way. */
export const REFUSAL_LATENCY_MS = 50;

/** After an outage, Entra serves this share of its limit, and all of it after `RECOVERY_MS`. */
export const RECOVERY_FROM_SHARE = 0.1;
export const RECOVERY_MS = 10 * MINUTE_MS;

/** All pods that start together send their first request within this time. */
export const START_SPREAD_MS = 30 * SECOND_MS;

/** Retries of an Azure SDK that asks IMDS: after 0.8, 1.6, 3.2, 6.4 and 12.8 s. */
export const SDK_FIRST_RETRY_MS = 800;
export const SDK_RETRIES = 5;
/** An application without a token calls its SDK again after this. */
export const APPLICATION_PAUSE_MS = 10 * SECOND_MS;
/** An SDK whose token is still valid, but due for renewal, asks again after this. */
export const SDK_RENEWAL_PAUSE_MS = 30 * SECOND_MS;
/** With less life than this, an SDK and the upstream proxy ask for a new token. */
export const SDK_EXPIRY_BUFFER_MS = 5 * MINUTE_MS;
/** Tokens that live longer are renewed by SDKs at half of their life. */
export const SDK_LONG_LIVED_MS = 120 * MINUTE_MS;

/** The retries of the upstream proxy within one exchange: azcore's defaults. */
export const AZCORE_FIRST_RETRY_MS = 800;
export const AZCORE_RETRIES = 3;
export const AZCORE_MAX_RETRY_MS = 60 * SECOND_MS;

const msalThrottling =
  '[MSAL.NET: server throttling](https://learn.microsoft.com/entra/msal/dotnet/advanced/client-and-server-throttling)';
const lifetimes =
  '[configurable token lifetimes](https://learn.microsoft.com/entra/identity-platform/configurable-token-lifetimes)';

export const assumptions: readonly Assumption[] = [
  {
    what: 'Answer above the limit',
    value: `429 with \`Retry-After: ${RETRY_AFTER_SECONDS}\``,
    basis: 'documented',
    reason: `For client credentials: ${msalThrottling}`,
  },
  {
    what: 'Requests of one tenant that Entra answers',
    value: `${TENANT_LIMIT_PER_SECOND} a second, and as many at once`,
    basis: 'assumed',
    reason:
      'Microsoft does not publish the limit. This value is low enough that 100,000 pods exceed it and 10,000 do not. Try another one with `npm run fleet -- --limit 200`.',
  },
  {
    what: 'What counts towards the limit',
    value: 'only requests that are answered with a token',
    basis: 'assumed',
    reason: 'The kindest rule. If refusals counted too, fleets that retry early would fare worse.',
  },
  {
    what: 'Life of the token of an app registration',
    value: '60 min',
    basis: 'documented',
    reason: `60 to 90 min at random, or fixed by a policy: ${lifetimes}. The simulation takes the worst case: all have the same 60 min.`,
  },
  {
    what: 'Life of the token of a managed identity',
    value: '24 h, with `refresh_in` of 12 h',
    basis: 'documented',
    reason:
      '[AKS: workload identity](https://learn.microsoft.com/azure/aks/workload-identity-overview)',
  },
  {
    what: 'Time to answer',
    value: `median ${LATENCY_MEDIAN_MS} ms, 99th percentile 600 ms; refusals ${REFUSAL_LATENCY_MS} ms`,
    basis: 'assumed',
    reason: 'A log-normal distribution. The results hardly depend on it.',
  },
  {
    what: 'Answer in an outage',
    value: '503 without `Retry-After`',
    basis: 'assumed',
    reason: 'Fast failures make the most retries. Requests that hang make fewer.',
  },
  {
    what: 'Recovery after an outage',
    value: '10 % of the limit at once, all of it after 10 min; 503 above it',
    basis: 'assumed',
    reason: 'Caches of the service are cold, and every tenant comes back together.',
  },
  {
    what: 'Pods that start together',
    value: 'first requests within 30 s',
    basis: 'assumed',
    reason: 'The kubelets of a cluster start containers in parallel.',
  },
  {
    what: 'Application',
    value: 'one process, one resource; asks again 10 s after its SDK gave up',
    basis: 'assumed',
    reason: 'A loop without its own backoff.',
  },
  {
    what: 'SDK',
    value:
      'caches its token; renews at half of its life above 2 h, else 5 min before the end; five retries from 0.8 s, doubling; follows `Retry-After`',
    basis: 'source',
    reason: 'azure-identity and MSAL, asking IMDS',
  },
  {
    what: 'Upstream proxy (v1.6.0)',
    value:
      'asks when the application asks and `refresh_in` is over or five minutes are left; three retries from 0.8 s; no jitter, no background renewal, no memory of failures',
    basis: 'source',
    reason: 'azure-workload-identity, azidentity, MSAL Go and azcore',
  },
];
