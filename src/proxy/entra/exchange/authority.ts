/** The part of MSAL's `auth` options that says where tokens come from. */
export interface AuthorityOptions {
  readonly authority: string;
  readonly knownAuthorities: string[];
  readonly authorityMetadata: string;
}

/**
 * Tells MSAL all that it would otherwise ask the network for. Both options are needed: with
 * `knownAuthorities` alone it fetches the OpenID document, with `authorityMetadata` alone it asks the
 * public cloud about the host. Together they also keep it from moving login.chinacloudapi.cn to another
 * host and from reading a region out of MSAL_FORCE_REGION.
 * @param authorityHost origin without a trailing slash.
 */
export function toAuthorityOptions(authorityHost: string, tenantId: string): AuthorityOptions {
  const authority = `${authorityHost}/${tenantId}`;
  return {
    authority,
    knownAuthorities: [new URL(authorityHost).host],
    // MSAL uses the first of these; the others only make the document complete.
    authorityMetadata: JSON.stringify({
      token_endpoint: `${authority}/oauth2/v2.0/token`,
      authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
      end_session_endpoint: `${authority}/oauth2/v2.0/logout`,
      issuer: `${authority}/v2.0`,
      jwks_uri: `${authority}/discovery/v2.0/keys`,
    }),
  };
}
