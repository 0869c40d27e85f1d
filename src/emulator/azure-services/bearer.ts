import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import type { Clock } from '../clock.ts';
import { toTokenIssuer } from '../entra-tenant/access-token.ts';
import { fetchJson } from '../http/fetch-json.ts';

/** The tenant whose tokens a service takes; an `Emulator` is one. */
export interface TrustedTenant {
  readonly authorityHost: string;
  readonly tenantId: string;
  /** What the tenant's TLS certificate is checked with. */
  readonly caPem: string;
}

/** Who sends a request, as far as its bearer token proves it. */
export type Caller =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'identity'; readonly clientId: string };

/**
 * Makes what tells callers by their `Authorization` header. The token must be signed by a key that the tenant
 * publishes now, and be right in issuer, audience, expiry and start.
 * @throws Error, from the function, if the tenant's keys cannot be had
 */
export function createBearerCheck({
  clock,
  tenant: { authorityHost, tenantId, caPem },
}: {
  readonly clock: Clock;
  readonly tenant: TrustedTenant;
}): (authorization: string | undefined, audiences: readonly string[]) => Promise<Caller> {
  return async (authorization, audiences) => {
    if (authorization === undefined) return { kind: 'nobody' };
    const [, token] = /^Bearer (\S+)$/.exec(authorization) ?? [];
    if (token === undefined) return { kind: 'refused', why: 'that is not a bearer token' };
    // Asked anew each time: a key that the tenant has retired is worth nothing from then on.
    const keys = await fetchJson(`${authorityHost}/${tenantId}/discovery/keys`, caPem);
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet(keys as JSONWebKeySet), {
        algorithms: ['RS256'],
        issuer: toTokenIssuer(tenantId),
        // Resources are named with or without a slash at the end; services take both.
        audience: audiences.flatMap((audience) => [audience, `${audience}/`]),
        requiredClaims: ['exp', 'nbf', 'appid'],
        currentDate: new Date(clock.epochMs()),
      });
      return { kind: 'identity', clientId: String(payload['appid']) };
    } catch (error) {
      return { kind: 'refused', why: error instanceof Error ? error.message : String(error) };
    }
  };
}
