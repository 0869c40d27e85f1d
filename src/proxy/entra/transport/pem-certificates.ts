import { X509Certificate } from 'node:crypto';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM text, one a string.
 * @returns undefined if there is none or one of them cannot be parsed. Node would take such a text for "no CA
 * is set" and trust the public roots.
 */
export function parsePemCertificates(pem: string): readonly string[] | undefined {
  const blocks = pem.match(BLOCK);
  if (blocks === null) return undefined;
  try {
    return blocks.map((block) => new X509Certificate(block).toString());
  } catch {
    return undefined;
  }
}
