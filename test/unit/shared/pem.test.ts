import { rootCertificates } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { findPemCertificates } from '../../../src/shared/pem.ts';

const [one = '', two = ''] = rootCertificates;

describe('finding PEM certificates', () => {
  it('finds all of them and nothing else', () => {
    const key = one.replaceAll('CERTIFICATE', 'PRIVATE KEY');
    const text = `# bundle\r\n${one}\n\n${key}\n subject=x\n${two}`;
    expect(findPemCertificates(text)).toEqual([one, two]);
    expect(findPemCertificates(rootCertificates.join('\n'))).toEqual(rootCertificates);
  });

  it('knows the older label', () => {
    const old = one.replaceAll('CERTIFICATE', 'X509 CERTIFICATE');
    expect(findPemCertificates(old)).toEqual([old]);
  });

  it.each([
    ['nothing', ''],
    ['another text', 'hello'],
    ['a beginning', '-----BEGIN '],
    ['a label without its end', '-----BEGIN CERTIFICATE'],
    ['no END', one.slice(0, -30)],
    ['another END', one.replace('END CERTIFICATE', 'END X')],
    ['a key', one.replaceAll('CERTIFICATE', 'RSA PRIVATE KEY')],
  ])('finds none in %s', (_name, text) => {
    expect(findPemCertificates(text)).toEqual([]);
  });

  it('takes no longer for a text made to slow it down', () => {
    const hostile = '-----BEGIN CERTIFICATE-----\n'.repeat(37_000);
    const startedAt = performance.now();
    expect(findPemCertificates(hostile)).toEqual([]);
    // A scan to the end of the text for each BEGIN would take minutes.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
