import { accept, refuse, type ValueType } from '../shared/option-table.ts';
import type { PublicJwk } from './public-key.ts';

/** Where the two documents are below the issuer. */
export const discoveryPath = '.well-known/openid-configuration';
export const keySetPath = 'openid/v1/jwks';

/**
 * The URL of an issuer, exactly as it is written: tokens, documents and federated credentials repeat every
 * character of it.
 */
export const issuerValue: ValueType<string> = {
  label: 'url',
  parse(text) {
    const fix = 'write it as --service-account-issuer has it, like https://oidc.example.com/';
    if (!URL.canParse(text)) return refuse('is not a URL', fix);
    const { protocol, username, password, search, hash, hostname } = new URL(text);
    if (protocol !== 'https:') return refuse('is not an https URL', fix);
    // An empty query or fragment is still a character of the issuer.
    if (`${username}${password}${search}${hash}` !== '' || /[?#@\s]/.test(text)) {
      // It is not shown, because of the password.
      return refuse('has a user, a query, a fragment or white space', fix, { shown: 'the URL' });
    }
    if (hostname === '') return refuse('has no host', fix);
    return accept(text);
  },
};

/** The URL of a document. A slash at the end of the issuer does not make two. */
export function toDocumentUrl(issuer: string, path: string): string {
  return `${issuer.replace(/\/+$/, '')}/${path}`;
}

/** The discovery document, byte for byte as the API server serves it. */
export function formatDiscovery(issuer: string, keySetUrl: string): string {
  return JSON.stringify({
    issuer,
    jwks_uri: keySetUrl,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  });
}

/** The key set, byte for byte as the API server serves it. A key that is given twice is published once. */
export function formatKeySet(keys: readonly PublicJwk[]): string {
  return JSON.stringify({ keys: [...new Map(keys.map((key) => [key.kid, key])).values()] });
}
