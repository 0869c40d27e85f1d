import { X509Certificate } from 'node:crypto';
import { findPemCertificates } from '../../shared/pem.ts';
import { toPrintable } from '../../shared/untrusted-text.ts';

/** A certificate, as far as people compare it. */
export interface CertificateFacts {
  /** On one line, such as `CN=Corp Proxy CA, O=Corp`. */
  readonly subject: string;
  readonly issuer: string;
  readonly validFrom: string;
  readonly validTo: string;
}

/** Longer chains than any that a public CA issues. */
const maxChain = 8;

const maxNameLength = 200;

/** The chain that a peer presented, its own certificate first. */
export function toChain(leaf: X509Certificate | undefined): readonly CertificateFacts[] {
  const chain: CertificateFacts[] = [];
  for (
    let next = leaf;
    next !== undefined && chain.length < maxChain;
    next = next.issuerCertificate
  ) {
    chain.push(toFacts(next));
    // A root is its own issuer.
    if (next.issuerCertificate?.fingerprint256 === next.fingerprint256) break;
  }
  return chain;
}

/** The certificates of a PEM text that can be parsed. */
export function parseCertificates(pem: string): readonly CertificateFacts[] {
  return findPemCertificates(pem)
    .slice(0, maxListed)
    .flatMap((block) => {
      try {
        return [toFacts(new X509Certificate(block))];
      } catch {
        return [];
      }
    });
}

/** A bundle of the public CAs has about 150. */
const maxListed = 300;

function toFacts(certificate: X509Certificate): CertificateFacts {
  const { subject, issuer, validFrom, validTo } = certificate;
  return {
    subject: toOneLine(subject),
    issuer: toOneLine(issuer),
    validFrom: new Date(validFrom).toISOString(),
    validTo: new Date(validTo).toISOString(),
  };
}

/** Node writes one part a line, the country first. */
function toOneLine(name: string | undefined): string {
  const parts = (name ?? '').split('\n').filter(Boolean).reverse();
  return toPrintable(parts.join(', ')).slice(0, maxNameLength) || '(none)';
}
