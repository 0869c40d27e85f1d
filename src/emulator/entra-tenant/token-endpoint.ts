import type { Clock } from '../clock.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import type { RefusalValues } from './aadsts-catalogue.ts';
import { toAccessTokenClaims, toLifetimeFields } from './access-token.ts';
import { readAssertion } from './assertion.ts';
import {
  assertExternalIssuer,
  assertFederated,
  assertTrustedIssuer,
  assertValidTimes,
} from './federation.ts';
import type { Identity } from './identity.ts';
import type { IdentityRegistry } from './identity-registry.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { Refusal, type RequestIds, type TokenAnswer, toErrorAnswer } from './refusal.ts';
import { isKnownResource, type KnownResources, toResource } from './scope.ts';
import { assertTenantForm, toTokenRequest } from './token-request.ts';

export interface TokenEndpointOptions {
  readonly tenantId: string;
  /** Domain names that stand for `tenantId` in a path. */
  readonly tenantDomains: readonly string[];
  /** The cloud that the tenants belong to, if it is another one than this. */
  readonly otherCloud?: string | undefined;
  readonly resources: KnownResources;
  /** Life of a token; undefined for what Entra gives the kind of identity. */
  readonly tokenLifetimeSeconds?: number | (() => number) | undefined;
  /** `refresh_in` of tokens that live longer; undefined for what Entra says. */
  readonly refreshInSeconds?: number | undefined;
  readonly allowedSkewSeconds: number;
}

export interface TokenEndpointRequest {
  /** The tenant segment of the path. */
  readonly tenant: string;
  readonly form: URLSearchParams;
  readonly ids: RequestIds;
  /** False while new credentials have not reached the machine that answers. */
  readonly credentialsVisible: boolean;
}

/** `POST /{tenant}/oauth2/v2.0/token` without the wire. */
export type TokenEndpoint = (request: TokenEndpointRequest) => Promise<TokenAnswer>;

/** 24 hours less a second for managed identities, an hour less a second for applications, as seen. */
const defaultLifetimeSeconds = { 'managed-identity': 86_399, 'app-registration': 3_599 } as const;

/**
 * Checks a request in this order: tenant, parameters, scope, client, assertion (form, issuer, signature,
 * times, subject and audience), resource; the first fault is the answer. Entra's own order is not
 * documented; this one asks an issuer for its keys only when a credential trusts it.
 */
export function createTokenEndpoint(
  deps: {
    readonly clock: Clock;
    readonly keys: SigningKeys;
    readonly identities: IdentityRegistry;
    readonly issuerKeys: IssuerKeys;
  },
  options: TokenEndpointOptions,
): TokenEndpoint {
  const { clock, keys, identities, issuerKeys } = deps;

  const toTenantId = (tenant: string): string => {
    assertTenantForm(tenant);
    const name = tenant.toLowerCase();
    if (options.tenantDomains.includes(name)) return options.tenantId;
    if (!identities.hasTenant(name)) throw new Refusal(90002, { tenant });
    return name;
  };

  const findIdentity = (tenant: string, clientId: string): Identity => {
    const identity = identities.find(tenant, clientId);
    if (identity === undefined) throw new Refusal(700016, { clientId, tenant });
    if (identity.disabled) throw new Refusal(7000112, { clientId });
    return identity;
  };

  const authenticate = async (
    identity: Identity,
    rawAssertion: string,
    credentialsVisible: boolean,
  ): Promise<void> => {
    const assertion = readAssertion(rawAssertion);
    assertExternalIssuer(assertion, identity.clientId);
    if (!credentialsVisible) {
      const { issuer, subject, audiences } = assertion;
      throw new Refusal(70021, { issuer, subject, audience: audiences.join(', ') });
    }
    const trusted = assertTrustedIssuer(assertion, identity);
    await issuerKeys.verify(assertion);
    const { allowedSkewSeconds } = options;
    assertValidTimes(assertion, { nowMs: clock.epochMs(), allowedSkewSeconds });
    assertFederated(assertion, trusted);
  };

  const issue = async (identity: Identity, resource: string): Promise<TokenAnswer> => {
    const { tokenLifetimeSeconds: chosen = defaultLifetimeSeconds[identity.kind] } = options;
    const lifetimeSeconds = typeof chosen === 'number' ? chosen : chosen();
    const nowSeconds = Math.floor(clock.epochMs() / 1000);
    const claims = toAccessTokenClaims(identity, { resource, nowSeconds, lifetimeSeconds });
    const accessToken = await keys.sign(claims, { typ: 'JWT' });
    const lifetime = toLifetimeFields(lifetimeSeconds, options.refreshInSeconds);
    return {
      status: 200,
      body: { token_type: 'Bearer', ...lifetime, access_token: accessToken },
    };
  };

  return async ({ tenant, form, ids, credentialsVisible }) => {
    try {
      const tenantId = toTenantId(tenant);
      if (options.otherCloud !== undefined) throw new Refusal(900382);
      const { clientId, scope, assertion } = toTokenRequest(form);
      const resource = toResource(scope);
      const identity = findIdentity(tenantId, clientId);
      await authenticate(identity, assertion, credentialsVisible);
      if (!isKnownResource(resource, options.resources)) {
        throw new Refusal(500011, { resource, tenant });
      }
      return await issue(identity, resource);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return toErrorAnswer(error.code, { ...knownValues(tenant, form), ...error.values }, ids);
    }
  };
}

/** The values that a text may name, besides those of the fault. */
export function knownValues(tenant: string, form: URLSearchParams): RefusalValues {
  const scope = form.get('scope') ?? undefined;
  return { tenant, clientId: form.get('client_id') ?? undefined, scope };
}
