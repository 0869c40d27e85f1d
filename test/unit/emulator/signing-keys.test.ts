import { createLocalJWKSet, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { createSigningKeys } from '../../../src/emulator/keys/signing-keys.ts';

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

describe('signing keys', () => {
  it('publish 2,048-bit RSA keys without private members', async () => {
    const keys = await createSigningKeys();
    await keys.rotate();
    const { keys: published } = keys.jwks();
    expect(published).toHaveLength(2);
    for (const jwk of published) {
      expect(jwk).toMatchObject({ kty: 'RSA', use: 'sig', alg: 'RS256', e: 'AQAB' });
      expect(Buffer.from(String(jwk.n), 'base64url')).toHaveLength(256);
      for (const member of privateMembers) expect(jwk).not.toHaveProperty(member);
    }
  });

  it('sign with the newest key and name it', async () => {
    const keys = await createSigningKeys();
    const first = keys.currentKid;
    const second = await keys.rotate();
    expect(second).not.toBe(first);
    expect(keys.currentKid).toBe(second);
    const { protectedHeader } = await jwtVerify(
      await keys.sign({ sub: 'x' }),
      createLocalJWKSet(keys.jwks()),
    );
    expect(protectedHeader).toEqual({ alg: 'RS256', kid: second });
  });

  it('keep tokens of an old key valid until it is retired', async () => {
    const keys = await createSigningKeys();
    const old = await keys.sign({ sub: 'x' });
    await keys.rotate();
    await expect(jwtVerify(old, createLocalJWKSet(keys.jwks()))).resolves.toBeDefined();
    keys.retireOld();
    expect(keys.jwks().keys.map(({ kid }) => kid)).toEqual([keys.currentKid]);
    await expect(jwtVerify(old, createLocalJWKSet(keys.jwks()))).rejects.toThrow(
      'no applicable key found',
    );
  });
});
