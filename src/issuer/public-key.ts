import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { findPemBlocks } from '../shared/pem.ts';

/** A key that verifies ServiceAccount tokens, as the API server publishes it. */
export interface PublicJwk {
  readonly use: 'sig';
  readonly kty: 'RSA';
  readonly kid: string;
  readonly alg: 'RS256';
  readonly n: string;
  readonly e: string;
}

/** A file of keys that cannot be published. The message names the fault and the fix, without the file. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

/** Shorter keys are refused by Entra and by every current library. */
export const MIN_KEY_BITS = 2_048;

/**
 * The keys of a file in PEM, with one block or several as --service-account-key-file takes them: public keys, or
 * certificates.
 * @throws KeyError for anything else, and for keys that Entra does not accept.
 */
export function readPublicKeys(pem: string): readonly PublicJwk[] {
  const blocks = findPemBlocks(pem, () => true);
  if (blocks.length === 0) {
    throw new KeyError(
      'has no key in PEM; pass the file of --service-account-key-file, such as /etc/kubernetes/pki/sa.pub',
    );
  }
  return blocks.map(({ label, block }) => {
    if (label.includes('PRIVATE')) {
      throw new KeyError(
        'has a private key, which must not leave the control plane; write its public key with openssl rsa -in sa.key -pubout -out sa.pub, and pass that',
      );
    }
    return toJwk(parseKey(block));
  });
}

function parseKey(block: string): KeyObject {
  try {
    return createPublicKey(block);
  } catch {
    throw new KeyError(
      'has a block that is not a public key; write it again with openssl rsa -in sa.key -pubout -out sa.pub',
    );
  }
}

function toJwk(key: KeyObject): PublicJwk {
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (asymmetricKeyType !== 'rsa') {
    throw new KeyError(
      `has a key of the type ${asymmetricKeyType ?? 'unknown'}, and Entra verifies RSA signatures only; sign with an RSA key: openssl genrsa -out sa.key 2048`,
    );
  }
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_KEY_BITS) {
    throw new KeyError(
      `has an RSA key of ${bits} bits, and ${MIN_KEY_BITS} are the least; make a new one: openssl genrsa -out sa.key 2048`,
    );
  }
  const { n = '', e = '' } = key.export({ format: 'jwk' });
  return { use: 'sig', kty: 'RSA', kid: toKeyId(key), alg: 'RS256', n, e };
}

/**
 * The `kid` that the API server puts into tokens and documents: SHA-256 of the key as SubjectPublicKeyInfo in DER,
 * in base64url (kubernetes/kubernetes, pkg/serviceaccount/jwt.go, keyIDFromPublicKey).
 */
export function toKeyId(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}
