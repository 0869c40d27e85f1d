import type { Clock } from './clock.ts';
import type { Identity, IdentityInput } from './entra-tenant/identity.ts';
import type { IdentityRegistry } from './entra-tenant/identity-registry.ts';
import type { KnownResources } from './entra-tenant/scope.ts';
import type { FaultScript } from './faults/fault-script.ts';
import type { Journal, JournalEntry } from './journal.ts';
import type { KubernetesIssuer } from './kubernetes-issuer/kubernetes-issuer.ts';
import type { AssertionOverrides } from './kubernetes-issuer/projected-token.ts';
import type { TokenProxy } from './token-proxy/token-proxy.ts';
import type { TokenReview } from './token-proxy/token-review.ts';

/** The options of an emulator. Only the directory has no default. */
export interface EmulatorOptions {
  /** Where `ca.crt` and `token/azure-identity-token` are written; made if need be. */
  readonly stateDirectory: string;
  /** Remove the written files on `stop`. Default false. */
  readonly ephemeral?: boolean | undefined;
  /** Address that tenant and issuer listen on. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Name or address that clients reach them by. Default: `host`, or localhost if that is a wildcard. */
  readonly publicName?: string | undefined;
  /** Further names and addresses for the TLS certificate. */
  readonly names?: readonly string[] | undefined;
  /** Address that the admin API listens on. Default 127.0.0.1: it hands out power, not secrets. */
  readonly adminHost?: string | undefined;
  /** Ports; 0, the default, means any that is free. */
  readonly tenantPort?: number | undefined;
  readonly issuerPort?: number | undefined;
  readonly adminPort?: number | undefined;
  /** Default: a GUID that is always the same. */
  readonly tenantId?: string | undefined;
  /** Domain names of the tenant, such as `contoso.onmicrosoft.com`. */
  readonly tenantDomains?: readonly string[] | undefined;
  /**
   * The tenants belong to another cloud, such as `microsoftonline.us`: documents name it, and token requests get
   * AADSTS900382. Default: they belong to this one.
   */
  readonly otherCloud?: string | undefined;
  /** `iss` of the assertions. Default: where the issuer listens, with a slash at the end as AKS has it. */
  readonly issuerUrl?: string | undefined;
  /** Default: one managed identity named `demo`. */
  readonly identities?: readonly IdentityInput[] | undefined;
  /** Resources with a service principal in the tenant. Default any. */
  readonly resources?: KnownResources | undefined;
  /** Life of Entra's tokens, or that of the next one. Default 86,399 s for managed identities, 3,599 s for applications. */
  readonly tokenLifetimeSeconds?: number | (() => number) | undefined;
  /** `refresh_in` of tokens that live longer. Default: half the life of tokens of more than two hours. */
  readonly refreshInSeconds?: number | undefined;
  /** How far an assertion's times may be off. Default 300, as it appears to be with Entra. */
  readonly allowedSkewSeconds?: number | undefined;
  /** Whose token is in the token file. Default namespace `default`, name `demo`. */
  readonly namespace?: string | undefined;
  readonly serviceAccount?: string | undefined;
  /** Default `api://AzureADTokenExchange`, or with identity binding `api://AKSIdentityBinding`. */
  readonly audience?: string | undefined;
  /** Life of the token in the file. Default 3,600 s, the shortest that the webhook gives. */
  readonly assertionLifetimeSeconds?: number | undefined;
  /** Also run an AKS token proxy, which the token in the file is for then. Default false. */
  readonly identityBinding?: boolean | undefined;
  readonly tokenProxyPort?: number | undefined;
  /**
   * Says whose a token for the token proxy is, undefined if it is not accepted: a real API server's
   * TokenReview, say. Default: a review of the emulator's own issuer.
   */
  readonly reviewToken?: TokenReview | undefined;
  readonly clock?: Clock | undefined;
  /** Called for every request that has ended. */
  readonly onRequest?: ((entry: JournalEntry) => void) | undefined;
  /** Called with a fault inside the emulator itself. Default: throws an uncaught exception. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A running emulator. */
export interface Emulator {
  /** `https://name:port` of the tenant: the value for AZURE_AUTHORITY_HOST. */
  readonly authorityHost: string;
  readonly issuerUrl: string;
  /** `http://address:port` of the admin API. */
  readonly adminUrl: string;
  readonly tenantId: string;
  readonly caPem: string;
  /** The value for NODE_EXTRA_CA_CERTS. */
  readonly caFile: string;
  /** The value for AZURE_FEDERATED_TOKEN_FILE. */
  readonly tokenFile: string;
  /** With identity binding: a token for Entra itself, for identities in mode federation. */
  readonly federationTokenFile: string | undefined;
  readonly identities: IdentityRegistry;
  readonly faults: FaultScript;
  readonly journal: Journal;
  readonly issuer: KubernetesIssuer;
  /** There with identity binding. */
  readonly tokenProxy: TokenProxy | undefined;
  /** Adds an identity, its open fields filled in; without credentials it trusts the token file's tokens. */
  addIdentity(input: IdentityInput): Identity;
  /** Makes an assertion without writing it anywhere; missing fields are as in the token file. */
  mintAssertion(overrides?: AssertionOverrides): Promise<string>;
  /** From now on, writes tokens that differ so from the usual one; `{}` goes back to it. */
  projectToken(overrides: AssertionOverrides): Promise<void>;
  /** Writes a fresh token now, as the kubelet does before the old one ends. */
  rotateTokenFile(): Promise<void>;
  /** Gives the issuer a new key, with `retireOld` also takes the old ones out of Entra's sight. */
  rotateIssuerKey(options?: { readonly retireOld?: boolean }): Promise<void>;
  /** Gives Entra a new key to sign tokens with. */
  rotateTenantKey(options?: { readonly retireOld?: boolean }): Promise<void>;
  /** All that a client needs to know, plain JSON. */
  describe(): EmulatorDescription;
  /** Ends all connections and timers; harmless if called again. */
  stop(): Promise<void>;
}

export interface EmulatorDescription {
  readonly authorityHost: string;
  readonly issuerUrl: string;
  readonly adminUrl: string;
  readonly tenantId: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly identities: readonly Identity[];
  /** With identity binding: a token for Entra itself, for identities in mode federation. */
  readonly federationTokenFile?: string;
  /** The environment of a client that uses the first identity. */
  readonly env: Readonly<Record<string, string>>;
}
