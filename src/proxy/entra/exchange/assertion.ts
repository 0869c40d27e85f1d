import { parseObject } from './parse-object.ts';

/** Of the file of a ServiceAccount token, which has one to four KiB; Entra refuses far less than this. */
export const MAX_ASSERTION_BYTES = 64 * 1_024;

/** The projected ServiceAccount token, with those of its claims that help to explain a refusal. */
export interface Assertion {
  /** The token itself. It goes to the token endpoint and nowhere else. */
  readonly text: string;
  readonly claims: AssertionClaims;
}

/** As the token says of itself: decoded, not verified, which is Entra's part. */
export interface AssertionClaims {
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  readonly audiences: readonly string[];
  readonly expiresAtSeconds: number | undefined;
  readonly notBeforeSeconds?: number | undefined;
}

const COMPACT_JWS = /^[\w-]+\.([\w-]+)\.[\w-]+$/;

/** @returns undefined if the text is not a signed JWT in compact form (RFC 7519) with an object as payload. */
export function parseAssertion(text: string): Assertion | undefined {
  const payload = COMPACT_JWS.exec(text)?.[1];
  if (payload === undefined) return undefined;
  const claims = parseObject(Buffer.from(payload, 'base64url').toString('utf8'));
  if (claims === undefined) return undefined;
  const { iss, sub, aud, exp, nbf } = claims;
  return {
    text,
    claims: {
      issuer: typeof iss === 'string' ? iss : undefined,
      subject: typeof sub === 'string' ? sub : undefined,
      audiences: (Array.isArray(aud) ? aud : [aud]).filter((one) => typeof one === 'string'),
      expiresAtSeconds: typeof exp === 'number' ? Math.floor(exp) : undefined,
      notBeforeSeconds: typeof nbf === 'number' ? Math.floor(nbf) : undefined,
    },
  };
}
