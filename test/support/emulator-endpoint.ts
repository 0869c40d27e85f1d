import type { JWTPayload } from 'jose';
import {
  type FederatedCredential,
  type Identity,
  type IdentityInput,
  toIdentity,
} from '../../src/emulator/entra-tenant/identity.ts';
import { createIdentityRegistry } from '../../src/emulator/entra-tenant/identity-registry.ts';
import { createIssuerKeys } from '../../src/emulator/entra-tenant/issuer-keys.ts';
import type { TokenAnswer } from '../../src/emulator/entra-tenant/refusal.ts';
import {
  createTokenEndpoint,
  type TokenEndpointOptions,
} from '../../src/emulator/entra-tenant/token-endpoint.ts';
import { createSigningKeys, type SigningKeys } from '../../src/emulator/keys/signing-keys.ts';
import {
  createKubernetesIssuer,
  type KubernetesIssuer,
} from '../../src/emulator/kubernetes-issuer/kubernetes-issuer.ts';
import type { AssertionRequest } from '../../src/emulator/kubernetes-issuer/service-account-claims.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';

export const tenantId = '11111111-1111-4111-8111-111111111111';
export const otherTenantId = '22222222-2222-4222-8222-222222222222';
export const issuerUrl = 'https://oidc.test/cluster/';
export const audience = 'api://AzureADTokenExchange';
export const subject = 'system:serviceaccount:shop:cart';

/** The keys are made once: they are what costs time. */
export interface Keys {
  readonly tenant: SigningKeys;
  readonly issuer: SigningKeys;
}

export async function makeKeys(): Promise<Keys> {
  const [tenant, issuer] = await Promise.all([createSigningKeys(), createSigningKeys()]);
  return { tenant, issuer };
}

/** A token endpoint without a wire, its issuer and a clock. */
export interface EndpointFixture {
  readonly clock: ManualClock;
  readonly issuer: KubernetesIssuer;
  readonly identity: Identity;
  /** URLs that the endpoint fetched. */
  readonly fetched: string[];
  /** The documents to fetch instead of the issuer's own; undefined for those. */
  setFetch(fetchJson: ((url: string) => Promise<unknown>) | undefined): void;
  addIdentity(input: IdentityInput): Identity;
  mint(overrides?: Partial<AssertionRequest>): Promise<string>;
  /** Signs any claims with the issuer's key. */
  signClaims(claims: JWTPayload): Promise<string>;
  /** Asks for a token; form fields replace the usual ones, undefined takes them away. */
  ask(
    form?: Readonly<Record<string, string | undefined>>,
    request?: { readonly tenant?: string; readonly credentialsVisible?: boolean },
  ): Promise<TokenAnswer>;
}

export function createEndpointFixture(
  keys: Keys,
  options: Partial<TokenEndpointOptions> = {},
): EndpointFixture {
  const clock = createManualClock(Date.UTC(2026, 0, 1));
  const issuer = createKubernetesIssuer({ clock, keys: keys.issuer }, { url: issuerUrl });
  const identities = createIdentityRegistry(tenantId);
  const credential: FederatedCredential = { issuer: issuerUrl, subject, audience };
  const addIdentity = (input: IdentityInput): Identity => {
    const identity = toIdentity(input, { tenantId, credential });
    identities.put(identity);
    return identity;
  };
  const identity = addIdentity({ name: 'cart' });
  const fetched: string[] = [];
  let replaced: ((url: string) => Promise<unknown>) | undefined;
  const issuerKeys = createIssuerKeys(
    {
      clock,
      fetchJson: async (url) => {
        fetched.push(url);
        const document = replaced === undefined ? issuer.document(url) : await replaced(url);
        if (document === undefined) throw new Error(`no document at ${url}`);
        return document;
      },
    },
    { ttlMs: 3_600_000 },
  );
  const endpoint = createTokenEndpoint(
    { clock, keys: keys.tenant, identities, issuerKeys },
    {
      tenantId,
      tenantDomains: ['contoso.onmicrosoft.com'],
      resources: 'any',
      allowedSkewSeconds: 300,
      ...options,
    },
  );
  const mint = (overrides: Partial<AssertionRequest> = {}): Promise<string> =>
    issuer.mint({
      serviceAccount: { namespace: 'shop', name: 'cart' },
      audiences: [audience],
      lifetimeSeconds: 3600,
      ...overrides,
    });

  return {
    clock,
    issuer,
    identity,
    fetched,
    setFetch(fetchJson) {
      replaced = fetchJson;
    },
    addIdentity,
    mint,
    signClaims: (claims) => keys.issuer.sign(claims),
    async ask(form = {}, { tenant = tenantId, credentialsVisible = true } = {}) {
      const fields = {
        grant_type: 'client_credentials',
        client_id: identity.clientId,
        scope: 'https://vault.azure.net/.default',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: 'client_assertion' in form ? undefined : await mint(),
        ...form,
      };
      const given = Object.entries(fields).filter((field): field is [string, string] => {
        return field[1] !== undefined;
      });
      return endpoint({
        tenant,
        form: new URLSearchParams(given),
        credentialsVisible,
        ids: {
          correlationId: '33333333-3333-4333-8333-333333333333',
          traceId: '44444444-4444-4444-8444-444444444444',
          epochMs: clock.epochMs(),
        },
      });
    },
  };
}
