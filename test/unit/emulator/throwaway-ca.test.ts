import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createServerIdentity } from '../../../src/emulator/tls/throwaway-ca.ts';

const nowMs = Date.UTC(2026, 0, 1);
const names = ['login.test', '*.login.test', '127.0.0.1', '::1'];

describe('a throw-away CA', () => {
  it('signs a certificate for all names and addresses', async () => {
    const { caPem, certificatePem, privateKeyPem } = await createServerIdentity(names, nowMs);
    const ca = new X509Certificate(caPem);
    const server = new X509Certificate(certificatePem);
    expect(ca.ca).toBe(true);
    expect(server.ca).toBe(false);
    expect(server.verify(ca.publicKey)).toBe(true);
    expect(server.checkIssued(ca)).toBe(true);
    for (const host of ['login.test', 'a.login.test']) {
      expect(server.checkHost(host)).toBeDefined();
    }
    for (const ip of ['127.0.0.1', '::1']) expect(server.checkIP(ip)).toBe(ip);
    expect(server.checkHost('localhost')).toBeUndefined();
    expect(() => createSecureContext({ cert: certificatePem, key: privateKeyPem })).not.toThrow();
  });

  it('is valid from an hour ago for about a year', async () => {
    const { certificatePem } = await createServerIdentity(names, nowMs);
    const { validFromDate, validToDate } = new X509Certificate(certificatePem);
    expect(validFromDate.getTime()).toBe(nowMs - 3_600_000);
    expect(validToDate.getTime()).toBe(nowMs + 397 * 24 * 3_600_000);
  });

  it('is another one, by key and by name, every time', async () => {
    const [one, two] = await Promise.all([
      createServerIdentity(names, nowMs),
      createServerIdentity(names, nowMs),
    ]);
    const oneCa = new X509Certificate(one.caPem);
    const twoCa = new X509Certificate(two.caPem);
    expect(oneCa.subject).not.toBe(twoCa.subject);
    expect(new X509Certificate(one.certificatePem).verify(twoCa.publicKey)).toBe(false);
  });
});
