import { toPrintable } from '../../../shared/untrusted-text.ts';

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
  readonly issuedAtSeconds?: number | undefined;
}

const MAX_CLAIM_LENGTH = 600;

const COMPACT_JWS = /^[\w-]+\.([\w-]+)\.[\w-]+$/;

/** @returns undefined if the text is not a signed JWT in compact form (RFC 7519) with an object as payload. */
export function parseAssertion(text: string): Assertion | undefined {
  const payload = COMPACT_JWS.exec(text)?.[1];
  if (payload === undefined) return undefined;
  const claims = parseObject(Buffer.from(payload, 'base64url').toString('utf8'));
  if (claims === undefined) return undefined;
  const { iss, sub, aud, exp, nbf, iat } = claims;
  return {
    text,
    claims: {
      issuer: toText(iss),
      subject: toText(sub),
      audiences: (Array.isArray(aud) ? aud : [aud])
        .map(toText)
        .filter((audience) => audience !== undefined),
      expiresAtSeconds: toSeconds(exp),
      notBeforeSeconds: toSeconds(nbf),
      issuedAtSeconds: toSeconds(iat),
    },
  };
}

/** Claims are whatever the issuer wrote, and stand in messages: one line, and short. */
function toText(claim: unknown): string | undefined {
  return typeof claim === 'string' ? toPrintable(claim.slice(0, MAX_CLAIM_LENGTH)) : undefined;
}

/** NumericDate of RFC 7519, which may have a fraction. */
function toSeconds(claim: unknown): number | undefined {
  return typeof claim === 'number' ? Math.floor(claim) : undefined;
}

/** @returns undefined if the text is not JSON or the value not an object. */
export function parseObject(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
