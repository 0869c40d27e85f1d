import { randomUUID } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { Identity } from './identity.ts';

/** How much earlier than now a token says it was issued: Entra's allowance for slow clocks. */
const backdatedSeconds = 300;

/**
 * The claims of an app-only access token of version 1.0, which is what managed identities get for every
 * Azure resource: `appid` and `appidacr` where version 2.0 has `azp` and `azpacr`; `appidacr` 2 stands for
 * a client that authenticated with an assertion.
 */
export function toAccessTokenClaims(
  { tenantId, clientId, objectId, resourceId }: Identity,
  {
    resource,
    nowSeconds,
    lifetimeSeconds,
  }: {
    readonly resource: string;
    readonly nowSeconds: number;
    readonly lifetimeSeconds: number;
  },
): JWTPayload {
  const issuedAt = nowSeconds - backdatedSeconds;
  const issuer = toTokenIssuer(tenantId);
  return {
    aud: resource,
    iss: issuer,
    iat: issuedAt,
    nbf: issuedAt,
    exp: nowSeconds + lifetimeSeconds,
    appid: clientId,
    appidacr: '2',
    idp: issuer,
    idtyp: 'app',
    oid: objectId,
    sub: objectId,
    tid: tenantId,
    uti: randomUUID(),
    ver: '1.0',
    ...(resourceId === undefined ? {} : { xms_mirid: resourceId }),
  };
}

/** `iss` of version 1.0 tokens. */
export function toTokenIssuer(tenantId: string): string {
  return `https://sts.windows.net/${tenantId}/`;
}

/**
 * The lifetime fields of a token answer; `refresh_in`, half the life, only for more than two hours.
 * @param chosenRefreshIn `refresh_in` of tokens that live longer than that
 */
export function toLifetimeFields(
  lifetimeSeconds: number,
  chosenRefreshIn?: number,
): Readonly<Record<'expires_in' | 'ext_expires_in' | 'refresh_in', number | undefined>> {
  const usual = lifetimeSeconds > 7200 ? Math.floor(lifetimeSeconds / 2) : undefined;
  const refreshIn = chosenRefreshIn ?? usual;
  return {
    expires_in: lifetimeSeconds,
    ext_expires_in: lifetimeSeconds,
    refresh_in: refreshIn !== undefined && refreshIn < lifetimeSeconds ? refreshIn : undefined,
  };
}
