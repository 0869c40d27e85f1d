/** Whom an exchange asks: Entra itself, by direct federation, or the AKS token proxy, by identity binding. */
export type ExchangeMode = 'federation' | 'binding';

/** The part of the configuration that exchanges use. Plain values: they cross into the exchange's bundle. */
export interface EntraSettings {
  /** Origin of the authority, such as `https://login.microsoftonline.com`: https, no path, no slash. */
  readonly authorityHost: string;
  /** Absolute path of the projected ServiceAccount token: AZURE_FEDERATED_TOKEN_FILE. */
  readonly federatedTokenFile: string;
  /** The mode of identities that set none. Default federation. */
  readonly mode?: ExchangeMode | undefined;
  /** There if any identity is in mode binding. */
  readonly tokenProxy?: TokenProxySettings | undefined;
  /** URL of the HTTP proxy on the way to Entra, user and password included. */
  readonly httpProxy?: string | undefined;
  /** Absolute path of CA certificates that are trusted beside the public ones: NODE_EXTRA_CA_CERTS. */
  readonly extraCaFile?: string | undefined;
  /** Identities that differ in mode or token file. */
  readonly exceptions?: readonly IdentityException[] | undefined;
}

/** The AKS token proxy. */
export interface TokenProxyPeer {
  /** Origin and path; the path is at least `/`. */
  readonly url: string;
  /** TLS server name to ask for and to verify, if not the host of the URL. */
  readonly serverName: string | undefined;
  /** What vouches for it. A CA, once set, replaces the public roots. */
  readonly ca:
    | { readonly kind: 'system' }
    /** Read again for every exchange: it is rotated in place. */
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'data'; readonly pem: string };
}

/** How the AKS token proxy is reached. */
export interface TokenProxySettings extends TokenProxyPeer {
  /** URL of the HTTP proxy on the way there; usually none. */
  readonly httpProxy?: string | undefined;
}

export interface IdentityException {
  /** In lower case. */
  readonly clientId: string;
  readonly mode?: ExchangeMode | undefined;
  /** Absolute path of a ServiceAccount token for this identity alone. */
  readonly tokenFile?: string | undefined;
}
