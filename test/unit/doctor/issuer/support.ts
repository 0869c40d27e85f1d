import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { formatDiscovery, formatKeySet, toDocumentUrl } from '../../../../src/issuer/documents.ts';
import { readPublicKeys } from '../../../../src/issuer/public-key.ts';

export const issuer = 'https://oidc.example.com/shop/';
export const discoveryUrl = toDocumentUrl(issuer, '.well-known/openid-configuration');
export const keysUrl = toDocumentUrl(issuer, 'openid/v1/jwks');

export interface Signer {
  readonly privateKey: KeyObject;
  readonly pem: string;
  readonly kid: string;
}

export function createSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const [key] = readPublicKeys(pem);
  return { privateKey, pem, kid: key?.kid ?? '' };
}

export const signer = createSigner();

export function discovery(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ ...JSON.parse(formatDiscovery(issuer, keysUrl)), ...changes });
}

export function keySet(...signers: readonly Signer[]): string {
  return formatKeySet(signers.flatMap(({ pem }) => readPublicKeys(pem)));
}

/** A ServiceAccount token, signed or not as the test wants it. */
export function mint(by: Signer, header: object = {}, claims: object = {}): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'RS256', kid: by.kid, ...header })}.${part({ iss: issuer, sub: 'system:serviceaccount:shop:legacy-app', aud: ['api://AzureADTokenExchange'], exp: 4_102_444_800, ...claims })}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(by.privateKey).toString('base64url')}`;
}
