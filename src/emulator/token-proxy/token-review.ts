import { createLocalJWKSet, jwtVerify } from 'jose';
import type { Clock } from '../clock.ts';
import type { KubernetesIssuer } from '../kubernetes-issuer/kubernetes-issuer.ts';

/** The subject of a ServiceAccount token, or undefined if it is not accepted. */
export type TokenReview = (token: string) => Promise<string | undefined>;

/** What pods present to a token proxy. */
export const bindingAudience = 'api://AKSIdentityBinding';

/**
 * As the API server's TokenReview: signature, issuer, validity and audience, with no allowance for clocks
 * since the same machine signs and verifies.
 * @returns the subject, or undefined for a token that is not accepted
 */
export async function reviewToken(
  { clock, issuer }: { readonly clock: Clock; readonly issuer: KubernetesIssuer },
  token: string,
): Promise<string | undefined> {
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(issuer.keys.jwks()), {
      issuer: issuer.url,
      audience: bindingAudience,
      currentDate: new Date(clock.epochMs()),
      clockTolerance: 0,
      requiredClaims: ['sub', 'exp'],
    });
    return payload.sub;
  } catch {
    return undefined;
  }
}
