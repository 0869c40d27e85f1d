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

/** The identity of a token, or the reason why the token is not valid. */
export type Holder =
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'identity'; readonly clientId: string };

/** Who sends a request, as far as its bearer token proves it. */
export type Caller = Holder | { readonly kind: 'nobody' };

/**
 * Makes what tells whose a token is. It must be signed by a key that the tenant publishes now, and be right in
 * issuer, audience (exactly one of those given), expiry and start.
 * @throws Error, from the function, if the tenant's keys cannot be had
 */
export function createTokenCheck({
  clock,
  tenant: { authorityHost, tenantId, caPem },
}: {
  readonly clock: Clock;
  readonly tenant: TrustedTenant;
}): (token: string, audiences: readonly string[]) => Promise<Holder> {
  return async (token, audiences) => {
    // Asked anew each time: a key that the tenant has retired is worth nothing from then on.
    const keys = await fetchJson(`${authorityHost}/${tenantId}/discovery/keys`, caPem);
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet(keys as JSONWebKeySet), {
        algorithms: ['RS256'],
        issuer: toTokenIssuer(tenantId),
        audience: [...audiences],
        requiredClaims: ['exp', 'nbf', 'appid'],
        currentDate: new Date(clock.epochMs()),
      });
      return { kind: 'identity', clientId: String(payload['appid']) };
    } catch (error) {
      return { kind: 'refused', why: error instanceof Error ? error.message : String(error) };
    }
  };
}

/** Makes what tells callers of services by their `Authorization` header; throws as the token check does. */
export function createBearerCheck(
  deps: Parameters<typeof createTokenCheck>[0],
): (authorization: string | undefined, audiences: readonly string[]) => Promise<Caller> {
  const check = createTokenCheck(deps);
  return async (authorization, audiences) => {
    if (authorization === undefined) return { kind: 'nobody' };
    const [, token] = /^Bearer (\S+)$/.exec(authorization) ?? [];
    if (token === undefined) return { kind: 'refused', why: 'that is not a bearer token' };
    // Resources are named with or without a slash at the end; services take both.
    return check(
      token,
      audiences.flatMap((audience) => [audience, `${audience}/`]),
    );
  };
}
