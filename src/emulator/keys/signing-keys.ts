import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  type JSONWebKeySet,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose';

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** The RSA keys of one issuer: one signs, all that are not retired are published. */
export interface SigningKeys {
  /** The `kid` that signs now. */
  readonly currentKid: string;
  /** Signs with the current key; the header holds `alg`, `kid` and what `header` adds. */
  sign(claims: JWTPayload, header?: { readonly typ: string }): Promise<string>;
  /** The key set as published, newest first. Public members only: private keys cannot be exported. */
  jwks(): JSONWebKeySet;
  /** Makes a new key that signs from now on. The old ones stay published. Returns the new `kid`. */
  rotate(): Promise<string>;
  /** Unpublishes every key but the current one, as an issuer does some time after a rotation. */
  retireOld(): void;
}

/** Makes the first key: 2,048 bits, as Entra's and Kubernetes' are (about 0.1 s, off the main thread). */
export async function createSigningKeys(): Promise<SigningKeys> {
  let keys: readonly [SigningKey, ...SigningKey[]] = [await createSigningKey()];
  return {
    get currentKid() {
      return keys[0].kid;
    },
    sign(claims, header = undefined) {
      const [{ kid, privateKey }] = keys;
      return new SignJWT(claims)
        .setProtectedHeader({ ...header, alg: 'RS256', kid })
        .sign(privateKey);
    },
    jwks: () => ({ keys: keys.map(({ publicJwk }) => publicJwk) }),
    async rotate() {
      keys = [await createSigningKey(), ...keys];
      return keys[0].kid;
    },
    retireOld() {
      keys = [keys[0]];
    },
  };
}

async function createSigningKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', {
    modulusLength: 2048,
    extractable: false,
  });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, privateKey, publicJwk: { ...jwk, kid, use: 'sig', alg: 'RS256' } };
}
