import type { PresentedAssertion } from './assertion.ts';
import type { FederatedCredential, Identity } from './identity.ts';
import { Refusal } from './refusal.ts';

/** Hosts of Entra itself, whose tokens a federation does not take. */
const entraHosts = [
  'login.microsoftonline.com',
  'login.windows.net',
  'login.microsoft.com',
  'sts.windows.net',
];

/** The longest life of an assertion: 25 hours (AADSTS70023). */
const maxLifetimeSeconds = 25 * 3600;

/**
 * Entra treats an assertion without an OpenID Connect issuer as one that the client signed itself with a
 * certificate, and no identity here has one.
 * @throws Refusal 700021, 700027 or 700222
 */
export function assertExternalIssuer(assertion: PresentedAssertion, clientId: string): void {
  const { issuer, subject } = assertion;
  if (!URL.canParse(issuer) || new URL(issuer).protocol !== 'https:') {
    if (![issuer, subject].every((one) => one.toLowerCase() === clientId.toLowerCase())) {
      throw new Refusal(700021, { issuer, subject, clientId });
    }
    throw new Refusal(700027, { name: 'The key was not found.' });
  }
  const { hostname } = new URL(issuer);
  if (entraHosts.some((host) => hostname === host || hostname.endsWith(`.${host}`))) {
    throw new Refusal(700222, { issuer });
  }
}

/**
 * The credentials whose issuer is the assertion's.
 * @throws Refusal 70025 or 700211
 */
export function assertTrustedIssuer(
  assertion: PresentedAssertion,
  { clientId, credentials }: Identity,
): readonly FederatedCredential[] {
  if (credentials.length === 0) throw new Refusal(70025, { clientId });
  const { issuer } = assertion;
  const trusted = credentials.filter((credential) => credential.issuer === issuer);
  if (trusted.length === 0) throw new Refusal(700211, { issuer });
  return trusted;
}

/**
 * @param allowedSkewSeconds how far the clocks of issuer and tenant may differ
 * @throws Refusal 700024 or 70023
 */
export function assertValidTimes(
  assertion: PresentedAssertion,
  { nowMs, allowedSkewSeconds }: { readonly nowMs: number; readonly allowedSkewSeconds: number },
): void {
  const { issuedAtSeconds, notBeforeSeconds, expiresAtSeconds } = assertion;
  const nowSeconds = nowMs / 1000;
  if (
    nowSeconds >= expiresAtSeconds + allowedSkewSeconds ||
    nowSeconds < notBeforeSeconds - allowedSkewSeconds
  ) {
    throw new Refusal(700024, {
      now: new Date(nowMs).toISOString(),
      notBefore: toIso(notBeforeSeconds),
      expires: toIso(expiresAtSeconds),
    });
  }
  if (expiresAtSeconds - issuedAtSeconds > maxLifetimeSeconds) {
    throw new Refusal(70023, {
      notBefore: String(issuedAtSeconds),
      expires: String(expiresAtSeconds),
    });
  }
}

/**
 * @param trusted credentials of the assertion's issuer, one at least
 * @throws Refusal 700213, 7002138, 700212, or 70021 when subject and audience match, but none has both
 */
export function assertFederated(
  assertion: PresentedAssertion,
  trusted: readonly FederatedCredential[],
): void {
  const { issuer, subject, audiences } = assertion;
  const audience = audiences.join(', ');
  const ofSubject = trusted.filter((credential) => credential.subject === subject);
  if (ofSubject.some((credential) => audiences.includes(credential.audience))) return;
  if (ofSubject.length === 0) {
    const inOtherCase = trusted.some(
      (credential) => credential.subject.toLowerCase() === subject.toLowerCase(),
    );
    throw new Refusal(inOtherCase ? 7002138 : 700213, { subject });
  }
  const elsewhere = trusted.some((credential) => audiences.includes(credential.audience));
  throw new Refusal(elsewhere ? 70021 : 700212, { issuer, subject, audience });
}

function toIso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
