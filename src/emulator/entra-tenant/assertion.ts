import { decodeJwt, decodeProtectedHeader } from 'jose';
import { Refusal } from './refusal.ts';

/** A client assertion as presented; nothing of it is verified yet. */
export interface PresentedAssertion {
  readonly raw: string;
  readonly kid: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly issuedAtSeconds: number;
  readonly notBeforeSeconds: number;
  readonly expiresAtSeconds: number;
}

const algorithms = ['RS256', 'RS384', 'RS512'];

/**
 * Takes an assertion apart.
 * @throws Refusal 50027, 5002738, 5002723 or 90014
 */
export function readAssertion(raw: string): PresentedAssertion {
  const { header, claims } = decode(raw);
  const { alg, kid } = header;
  if (alg === undefined || !algorithms.includes(alg)) {
    throw new Refusal(5002738, { name: alg ?? 'none' });
  }
  if (typeof kid !== 'string' || kid === '') throw new Refusal(5002723);
  const { iss, sub, aud, exp, nbf, iat } = claims;
  const audiences = [aud ?? []].flat();
  if (audiences.length === 0) throw new Refusal(90014, { name: 'aud' });
  if (!audiences.every((audience) => typeof audience === 'string')) throw new Refusal(50027);
  const expiresAtSeconds = requireClaim(exp, 'exp', isTime);
  const issuedAtSeconds = iat ?? nbf ?? expiresAtSeconds;
  // Entra's own text says "valid from 1970-01-01" of an assertion that does not say from when.
  const notBeforeSeconds = nbf ?? iat ?? 0;
  if (!isTime(issuedAtSeconds) || !isTime(notBeforeSeconds)) throw new Refusal(50027);
  return {
    raw,
    kid,
    issuer: requireClaim(iss, 'iss', isText),
    subject: requireClaim(sub, 'sub', isText),
    audiences,
    issuedAtSeconds,
    notBeforeSeconds,
    expiresAtSeconds,
  };
}

function decode(raw: string) {
  try {
    return { header: decodeProtectedHeader(raw), claims: decodeJwt(raw) };
  } catch {
    throw new Refusal(50027);
  }
}

function requireClaim<T>(value: unknown, name: string, is: (value: unknown) => value is T): T {
  if (value === undefined) throw new Refusal(90014, { name });
  if (!is(value)) throw new Refusal(50027);
  return value;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** Seconds since 1970 that a date can show, so that no text about them can fail. */
const isTime = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= 8.64e12;
