import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { accepted } from './load.ts';

const [certificate = ''] = rootCertificates;

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'extra-ca-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function write(content: string): string {
  const path = join(makeFolder(), 'ca.crt');
  writeFileSync(path, content);
  return path;
}

function warningsFor(path: string): readonly string[] {
  return accepted({ NODE_EXTRA_CA_CERTS: path }).warnings;
}

describe('NODE_EXTRA_CA_CERTS', () => {
  test('no warning when unset or empty', () => {
    expect(accepted().warnings).toEqual([]);
    expect(warningsFor('')).toEqual([]);
  });

  test('no warning for any certificate that Node itself trusts', () => {
    expect(warningsFor(write(rootCertificates.join('\n')))).toEqual([]);
    expect(warningsFor(write(`# our CA\r\n${certificate.replaceAll('\n', '\r\n')}\r\n`))).toEqual(
      [],
    );
  });

  test.each([
    ['no file', () => join(makeFolder(), 'none'), 'cannot be read (ENOENT)'],
    ['a directory', () => makeFolder(), 'is a directory'],
    [
      'a pipe',
      () => {
        const path = join(makeFolder(), 'pipe');
        execFileSync('mkfifo', [path]);
        return path;
      },
      'is not a regular file',
    ],
    ['an empty file', () => write(''), 'contains no PEM certificate'],
    ['something else', () => write('hello\n'), 'contains no PEM certificate'],
    [
      'a key',
      () => write(certificate.replaceAll('CERTIFICATE', 'PRIVATE KEY')),
      'contains no PEM certificate',
    ],
    [
      'a garbled certificate',
      () => write(`${certificate}\n${certificate.replace(/\n.{20}/, '\n!!!!!!!!!!!!!!!!!!!!')}`),
      'contains a damaged certificate (number 2)',
    ],
    [
      'a certificate that lacks a line',
      () => write(certificate.replace(/\n[^\n-]+\n/, '\n')),
      'contains a damaged certificate (number 1)',
    ],
    [
      'a certificate of nothing',
      () => write('-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'),
      'contains a damaged certificate (number 1)',
    ],
  ])('a warning for %s', (_name, make, fault) => {
    const path = make();
    expect(warningsFor(path)).toEqual([
      `NODE_EXTRA_CA_CERTS: ${JSON.stringify(path)} ${fault}, so the proxy does not trust that CA; mount CA certificates in PEM there, or remove the variable`,
    ]);
  });
});

describe('SSL_CERT_FILE and SSL_CERT_DIR', () => {
  test('SSL_CERT_FILE stands in for NODE_EXTRA_CA_CERTS, which comes first', () => {
    const fileOf = (env: Record<string, string>) => accepted(env).config.extraCaCertsFile;
    expect(fileOf({ SSL_CERT_FILE: '/a.pem' })).toBe('/a.pem');
    expect(fileOf({ SSL_CERT_FILE: '/a.pem', NODE_EXTRA_CA_CERTS: '/b.pem' })).toBe('/b.pem');
  });

  test('SSL_CERT_DIR is refused with the right variable', () => {
    expect(accepted({ SSL_CERT_DIR: '/etc/certs' }).warnings).toEqual([
      'SSL_CERT_DIR: the proxy does not read folders of CA certificates; put the certificates into one file and set NODE_EXTRA_CA_CERTS to it',
    ]);
  });
});
