import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readPublicKeys, toKeyId } from '../../../src/issuer/public-key.ts';

/** The key of kubernetes/kubernetes' own test of the same name (pkg/serviceaccount/keyid_test.go). */
const stable = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA249XwEo9k4tM8fMxV7zx
OhcrP+WvXn917koM5Qr2ZXs4vo26e4ytdlrV0bQ9SlcLpQVSYjIxNfhTZdDt+ecI
zshKuv1gKIxbbLQMOuK1eA/4HALyEkFgmS/tleLJrhc65tKPMGD+pKQ/xhmzRuCG
51RoiMgbQxaCyYxGfNLpLAZK9L0Tctv9a0mJmGIYnIOQM4kC1A1I1n3EsXMWmeJU
j7OTh/AjjCnMnkgvKT2tpKxYQ59PgDgU8Ssc7RDSmSkLxnrv+OrN80j6xrw0OjEi
B4Ycr0PqfzZcvy8efTtFQ/Jnc4Bp1zUtFXt7+QeevePtQ2EcyELXE0i63T1CujRM
WwIDAQAB
-----END PUBLIC KEY-----
`;

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const spki = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();

describe('the ID of a key', () => {
  it('is that of Kubernetes', () => {
    expect(toKeyId(createPublicKey(stable))).toBe('JHJehTTTZlsspKHT-GaJxK7Kd1NQgZJu3fyK6K_QDYU');
  });
});

describe('a file of public keys', () => {
  it('may hold several keys, in either form', () => {
    const pkcs1 = rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    const keys = readPublicKeys(`# the new one\n${spki}\n${stable}${pkcs1}`);
    expect(keys.map(({ kid }) => kid)).toEqual([
      toKeyId(rsa.publicKey),
      'JHJehTTTZlsspKHT-GaJxK7Kd1NQgZJu3fyK6K_QDYU',
      toKeyId(rsa.publicKey),
    ]);
    expect(keys[0]).toMatchObject({ use: 'sig', kty: 'RSA', alg: 'RS256', e: 'AQAB' });
    expect(keys[0]).not.toHaveProperty('d');
  });

  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 });
  it.each([
    ['nothing', '', /no key in PEM/],
    [
      'an EC key',
      ec.publicKey.export({ type: 'spki', format: 'pem' }),
      /type ec, .*RSA signatures only; .*openssl genrsa/,
    ],
    ['a short key', weak.publicKey.export({ type: 'spki', format: 'pem' }), /RSA key of 1024 bits/],
    [
      'garbage in PEM',
      '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n',
      /not a public key/,
    ],
    [
      'a private key',
      rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      /private key, which must not leave/,
    ],
    [
      'a private key of the older form',
      rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }),
      /private key/,
    ],
    [
      'a public key and an encrypted private one of the older form, whose headers have dashes',
      `${spki}${rsa.privateKey.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'open' })}`,
      /private key/,
    ],
    [
      'a public and a private key',
      `${spki}${rsa.privateKey.export({ type: 'pkcs8', format: 'pem' })}`,
      /private key/,
    ],
  ])('is refused with %s', (_, pem, why) => {
    expect(() => readPublicKeys(String(pem))).toThrow(why);
  });

  it('is read in time, whatever it is', () => {
    expect(() => readPublicKeys('-----BEGIN A-----\n'.repeat(50_000))).toThrow(/no key in PEM/);
  });
});
