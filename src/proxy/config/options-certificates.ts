import { accept, type Parsed, refuse, type ValueType } from '../../shared/option-table.ts';
import { findPemCertificates } from '../../shared/pem.ts';

/** One or more certificates in PEM, each of which can be parsed. */
export const certificatesValue: ValueType<string> = { label: 'pem', parse: parseCertificates };

/**
 * Node itself would take an empty or garbled CA for "use the public roots", so every block is tried here.
 */
export function parseCertificates(pem: string): Parsed<string> {
  const shown = 'the value';
  const blocks = findPemCertificates(pem);
  if (blocks.length === 0) {
    return refuse('holds no PEM certificate', 'give the CA in PEM, BEGIN and END lines included', {
      shown,
    });
  }
  // Loaded here because almost nobody sets a CA, and node:crypto would slow every start.
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  for (const [index, text] of blocks.entries()) {
    try {
      new X509Certificate(text);
    } catch {
      return refuse('cannot be parsed', 'replace it with the whole certificate', {
        at: `, certificate ${index + 1}`,
        shown,
      });
    }
  }
  return accept(pem);
}
