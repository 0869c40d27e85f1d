import type { RetryClass } from './context.ts';

/** What a refusal means for the caller: the codes ERR_REJECTED, ERR_THROTTLED, ERR_UNAVAILABLE, ERR_ASSERTION and ERR_INTERNAL. */
export type AadstsMeaning = 'rejected' | 'throttled' | 'unavailable' | 'assertion' | 'internal';

/** What we know of a group of AADSTS numbers. */
export interface AadstsRule {
  readonly codes: readonly number[];
  readonly cause: string;
  readonly means: AadstsMeaning;
  readonly retry: RetryClass;
  /** If the answer has no Retry-After. */
  readonly retryAfterSeconds?: number;
  /** What to change; `hints.ts` fills in the names in braces. */
  readonly hint: string;
  /** A federated identity credential is missing or differs: the presented values and the remedy are added. */
  readonly isAboutCredential?: true;
  /**
   * It is about the assertion that Entra was shown. Behind a token proxy that is the proxy's own, so this
   * hint would mislead.
   */
  readonly concernsAssertion?: true;
}

/**
 * Microsoft reserves the right to change numbers and texts, so these decide about hints and retries only:
 * what the client is told is Entra's own `error` and text.
 */
export const aadstsRules: readonly AadstsRule[] = [
  {
    codes: [70021],
    cause: 'no federated credential matches the assertion, or it has not propagated yet',
    means: 'rejected',
    retry: 'propagation',
    hint: 'No federated credential of this identity has the issuer, subject and audience of the presented token. Entra compares every character, case and a trailing slash included.',
    isAboutCredential: true,
    concernsAssertion: true,
  },
  {
    codes: [700211],
    cause: "no federated credential has the assertion's issuer",
    means: 'rejected',
    retry: 'propagation',
    hint: "No federated credential of this identity has the issuer of the presented token, {issuer}. A trailing slash counts, and a rebuilt cluster has another issuer. For AKS, compare it with: az aks show --name '<CLUSTER>' --resource-group '<RESOURCE_GROUP>' --query oidcIssuerProfile.issuerUrl --output tsv.",
    isAboutCredential: true,
    concernsAssertion: true,
  },
  {
    codes: [700212],
    cause: "no federated credential has the assertion's audience",
    means: 'rejected',
    retry: 'propagation',
    hint: 'No federated credential of this identity has the audience of the presented token, {audience}. The public cloud uses api://AzureADTokenExchange; api://AKSIdentityBinding belongs to identity binding.',
    isAboutCredential: true,
    concernsAssertion: true,
  },
  {
    codes: [700213],
    cause: "no federated credential has the assertion's subject",
    means: 'rejected',
    retry: 'propagation',
    hint: "No federated credential of this identity has the subject of the presented token, {subject}. Case counts. Compare it with the pod's namespace and serviceAccountName.",
    isAboutCredential: true,
    concernsAssertion: true,
  },
  {
    codes: [7002138],
    cause: "the assertion's subject differs from a federated credential's in case only",
    means: 'rejected',
    // The credential is known: no other replica will say otherwise.
    retry: 'none',
    hint: 'A federated credential of this identity has the subject {subject} in other case. Entra compares every letter: write it exactly as the presented token has it.',
    isAboutCredential: true,
    concernsAssertion: true,
  },
  {
    codes: [70025],
    cause: 'the identity has no federated credential at all',
    means: 'rejected',
    retry: 'propagation',
    hint: 'The identity with the client ID {clientId} has no federated credential. Check that it is the identity you mean.',
    isAboutCredential: true,
    concernsAssertion: true,
  },
  {
    codes: [700016],
    cause: 'the client ID is unknown in the tenant',
    means: 'rejected',
    retry: 'none',
    hint: 'The tenant {tenantId} has no application or identity with the client ID {clientId}. Check client ID, AZURE_TENANT_ID and, for a national cloud, AZURE_AUTHORITY_HOST ({authorityHost}).',
  },
  {
    codes: [7000112],
    cause: 'the application or its service principal is disabled',
    means: 'rejected',
    retry: 'none',
    hint: 'The enterprise application of the client ID {clientId} is disabled. Unless that was done on purpose, have its owner enable sign-in again.',
  },
  {
    codes: [700024],
    cause: 'the assertion is outside its validity',
    means: 'assertion',
    retry: 'if-assertion-changed',
    hint: "The presented token is valid until {expiry}, and this node's clock says {now}. Compare the clock with NTP. Check that AZURE_FEDERATED_TOKEN_FILE names a projected volume, which the kubelet renews, and not a copy.",
    concernsAssertion: true,
  },
  {
    codes: [70023],
    cause: 'the assertion lives longer than 25 hours',
    means: 'rejected',
    retry: 'none',
    hint: 'Set expirationSeconds of the projected token (annotation azure.workload.identity/service-account-token-expiration) to 86400 or less.',
    concernsAssertion: true,
  },
  {
    codes: [50013, 50027, 700027],
    cause: 'the assertion is malformed or its signature cannot be verified',
    means: 'rejected',
    retry: 'if-assertion-changed',
    hint: "Entra could not verify the presented token with the keys that {issuer} publishes. After a rotation of the cluster's signing key, publish the new key; Entra caches the old ones for a while.",
    concernsAssertion: true,
  },
  {
    codes: [7000272],
    cause: 'the key that signed the assertion is not among those that the issuer publishes',
    means: 'rejected',
    // Entra keeps an issuer's keys for hours, each of its machines for itself.
    retry: 'propagation',
    hint: 'The presented token is signed with a key that {issuer} does not publish, or has published only a short time ago. Publish the new ServiceAccount key in the jwks_uri of the issuer before the cluster signs with it. AKS publishes its keys itself: wait some minutes, then open a support request.',
    concernsAssertion: true,
  },
  {
    codes: [5002723, 5002738],
    cause: 'the header of the assertion names no key, or an algorithm that Entra does not take',
    means: 'rejected',
    retry: 'none',
    hint: 'The presented token must be signed with RS256 and name its key (kid), as the tokens of a cluster with an RSA signing key do. Check AZURE_FEDERATED_TOKEN_FILE and, in a self-managed cluster, the flag --service-account-signing-key-file of the API server.',
    concernsAssertion: true,
  },
  {
    codes: [700021, 700023],
    cause: 'the claims of the assertion do not fit a client assertion',
    means: 'rejected',
    retry: 'none',
    hint: 'The presented token is not a projected ServiceAccount token: its issuer is {issuer}, its subject {subject}. Check AZURE_FEDERATED_TOKEN_FILE.',
    concernsAssertion: true,
  },
  {
    codes: [700222, 700223, 700224, 700225, 700226, 700227, 700228, 700229],
    cause: 'the assertion was issued by Entra itself',
    means: 'rejected',
    retry: 'none',
    hint: 'The presented token comes from {issuer}, and only the ServiceAccount token of the cluster can be exchanged. Check AZURE_FEDERATED_TOKEN_FILE.',
    concernsAssertion: true,
  },
  {
    codes: [90061],
    cause: "Entra cannot read the issuer's keys",
    means: 'unavailable',
    retry: 'propagation',
    hint: 'Entra must reach the file .well-known/openid-configuration below {issuer}, and the jwks_uri in it, over the internet. Open both from outside the cluster and check them.',
    concernsAssertion: true,
  },
  {
    codes: [90002],
    cause: 'the tenant does not exist in this cloud',
    means: 'rejected',
    retry: 'none',
    hint: 'Check AZURE_TENANT_ID ({tenantId}) and, for a national cloud, AZURE_AUTHORITY_HOST ({authorityHost}).',
  },
  {
    codes: [900023],
    cause: 'the tenant is neither a GUID nor a domain',
    means: 'rejected',
    retry: 'none',
    hint: 'Set AZURE_TENANT_ID ({tenantId}) to the GUID or a domain of the tenant.',
  },
  {
    codes: [90038, 900382, 900432],
    cause: 'the tenant belongs to another national cloud',
    means: 'rejected',
    retry: 'none',
    hint: 'The tenant {tenantId} belongs to another cloud than {authorityHost}: set AZURE_AUTHORITY_HOST to its authority.',
  },
  {
    codes: [500011, 50001],
    cause: 'the resource has no service principal in the tenant',
    means: 'rejected',
    retry: 'none',
    hint: 'Check the spelling of the resource, including a trailing slash, and that its application exists in the tenant {tenantId}.',
  },
  {
    codes: [70011, 1002012, 28002],
    cause: 'the scope is malformed',
    means: 'rejected',
    retry: 'none',
    hint: 'Pass the plain application ID URI or GUID of the resource, not a scope.',
  },
  {
    codes: [700022],
    cause: 'the scope names several resources',
    means: 'rejected',
    retry: 'none',
    hint: 'Ask for one resource at a time.',
  },
  {
    codes: [90014],
    cause: 'the request lacks a parameter, or the assertion a claim',
    means: 'rejected',
    retry: 'none',
    hint: 'The text above names the missing value. A name such as iss, sub, aud or exp is a claim that the token of AZURE_FEDERATED_TOKEN_FILE does not have: mount a projected ServiceAccount token. Anything else is a fault of the proxy: please report it with the correlation ID.',
  },
  {
    codes: [90011],
    cause: 'the assertion has a type that Entra does not know',
    means: 'internal',
    retry: 'none',
    hint: 'The proxy sent an unknown client_assertion_type: please report this with the correlation ID.',
  },
  {
    codes: [900144, 7000218],
    cause: 'the request lacks a parameter or the assertion',
    means: 'internal',
    retry: 'none',
    hint: 'The proxy sent an incomplete request: please report this with the correlation ID.',
  },
  {
    codes: [7000215, 7000222],
    cause: 'a client secret is wrong or expired',
    means: 'rejected',
    retry: 'none',
    hint: 'No client secret is used in this exchange. Check that AZURE_AUTHORITY_HOST ({authorityHost}) is Entra itself.',
  },
  {
    codes: [100007],
    cause: 'the regional endpoint does not serve this application',
    means: 'rejected',
    retry: 'none',
    hint: 'Unset IMDS_PROXY_REGIONAL_AUTHORITY, and set AZURE_AUTHORITY_HOST ({authorityHost}) to the global authority of the cloud.',
  },
  {
    codes: [53003, 530032],
    cause: 'Conditional Access forbids it',
    means: 'rejected',
    retry: 'none',
    hint: 'A Conditional Access policy for workload identities blocks the client ID {clientId}. Compare the locations in the policy with the egress address of the cluster.',
  },
  {
    codes: [500021, 500022],
    cause: 'tenant restrictions forbid it',
    means: 'rejected',
    retry: 'none',
    hint: 'An outbound proxy allows sign-ins to other tenants only. Ask its administrator whether {tenantId} should be allowed.',
  },
  {
    codes: [65001, 650051],
    cause: 'consent or the service principal is missing',
    means: 'rejected',
    retry: 'none',
    hint: 'The client ID {clientId} lacks a permission for the resource in the tenant {tenantId}. Grant it the one application role that the application needs, with admin consent.',
  },
  {
    codes: [50196],
    cause: 'Entra sees a request loop',
    means: 'throttled',
    retry: 'none',
    retryAfterSeconds: 60,
    hint: 'Too many pods request the same token at once. Look for crash loops and for a very large number of replicas.',
  },
  {
    codes: [90055],
    cause: 'the tenant is throttled',
    means: 'throttled',
    retry: 'throttled',
    hint: 'The tenant {tenantId} sends too many requests.',
  },
  {
    codes: [90033, 90024, 90006, 90012, 90090, 50033],
    cause: 'a passing fault of Entra',
    means: 'unavailable',
    retry: 'transient',
    hint: 'A fault of Entra. See https://azure.status.microsoft if it lasts.',
  },
  {
    codes: [90036],
    cause: 'a directory fault that does not pass by itself',
    means: 'unavailable',
    retry: 'none',
    hint: 'Open a support request with the trace ID.',
  },
];

const ruleByCode = new Map(aadstsRules.flatMap((rule) => rule.codes.map((code) => [code, rule])));

export function findAadstsRule(code: number | undefined): AadstsRule | undefined {
  return code === undefined ? undefined : ruleByCode.get(code);
}
