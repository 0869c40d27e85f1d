import { findPemCertificates } from '../shared/pem.ts';
import { readSettingFile } from './config/read-setting-file.ts';

/**
 * Looks at a file of further CAs, which Node.js would ignore with a line on standard error that names no
 * remedy, or with none. Certificates are only looked at, not parsed: node:crypto would take 20 ms of the
 * start and 3 MB of the server, which has no use for it.
 * @returns what is wrong, to follow the name of the file, or undefined.
 */
export function findExtraCaFault(path: string): string | undefined {
  const file = readSettingFile(path);
  if (!file.ok) return file.fault;
  const bodies = findPemCertificates(file.content).map((block) =>
    Buffer.from(block.replaceAll(/-----[^-]*-----/g, ''), 'base64'),
  );
  if (bodies.length === 0) return 'holds no PEM certificate';
  const damaged = bodies.findIndex((der) => !isWholeSequence(der));
  return damaged === -1 ? undefined : `holds a certificate, number ${damaged + 1}, that is damaged`;
}

/** Whether it is one DER SEQUENCE, as every certificate is, and as long as it says (X.690, 8.1.3). */
function isWholeSequence(der: Buffer): boolean {
  const lengthBytes = (der[1] ?? 0) - 0x80;
  if (der[0] !== 0x30 || lengthBytes < 1 || lengthBytes > 3) return false;
  const start = 2 + lengthBytes;
  return der.length > start && der.length === start + der.readUIntBE(2, lengthBytes);
}
