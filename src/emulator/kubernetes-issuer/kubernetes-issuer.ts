import type { JSONWebKeySet } from 'jose';
import type { Clock } from '../clock.ts';
import { InputError } from '../input.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import { type AssertionRequest, toProjectedClaims } from './service-account-claims.ts';

/** A cluster's ServiceAccount token issuer: it mints assertions and publishes how to verify them. */
export interface KubernetesIssuer {
  /** `iss` of its tokens, exactly as a federated credential must name it. */
  readonly url: string;
  readonly keys: SigningKeys;
  mint(request: AssertionRequest): Promise<string>;
  /** The document behind one of its URLs (discovery, key set); undefined for any other URL. */
  document(url: string): OpenIdConfiguration | JSONWebKeySet | undefined;
}

/** What the API server publishes about itself. */
export interface OpenIdConfiguration {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly response_types_supported: readonly string[];
  readonly subject_types_supported: readonly string[];
  readonly id_token_signing_alg_values_supported: readonly string[];
}

/**
 * @param url the issuer's URL, with or without a path or a slash at the end. Its documents are looked for
 * below it, whether or not anything listens there.
 * @throws InputError for a URL that Kubernetes or Entra would refuse as issuer
 */
export function createKubernetesIssuer(
  { clock, keys }: { readonly clock: Clock; readonly keys: SigningKeys },
  { url }: { readonly url: string },
): KubernetesIssuer {
  assertIssuerUrl(url);
  const base = url.replace(/\/+$/, '');
  const discoveryUrl = `${base}/.well-known/openid-configuration`;
  const jwksUrl = `${base}/openid/v1/jwks`;
  return {
    url,
    keys,
    mint: (request) =>
      // An API server's tokens have no `typ`.
      keys.sign(toProjectedClaims(url, request, Math.floor(clock.epochMs() / 1000))),
    document(requested) {
      if (requested === jwksUrl) return keys.jwks();
      if (requested !== discoveryUrl) return undefined;
      return {
        issuer: url,
        jwks_uri: jwksUrl,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
      };
    },
  };
}

function assertIssuerUrl(url: string): void {
  if (URL.canParse(url)) {
    const { protocol, search, hash, username } = new URL(url);
    if (protocol === 'https:' && search === '' && hash === '' && username === '') return;
  }
  throw new InputError(
    `the issuer's URL must be https, without user, query and fragment, not ${JSON.stringify(url)}`,
  );
}
