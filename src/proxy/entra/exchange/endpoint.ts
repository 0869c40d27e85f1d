/** Who is asked for tokens: Entra itself, or the AKS token proxy in its place. */
export interface Endpoint {
  /** Origin of the authority, such as `https://login.microsoftonline.com`. */
  readonly authorityHost: string;
  /** File of CAs that are trusted beside the public ones, if there is one. */
  readonly extraCaFile?: string | undefined;
  /** Undefined for Entra itself. */
  readonly tokenProxy?: TokenProxyAddress | undefined;
}

export interface TokenProxyAddress {
  /** Origin and path; the path is at least `/`. */
  readonly url: string;
  /** TLS server name to ask for and to verify, if not the host of the URL. */
  readonly serverName?: string | undefined;
  /** False if Node's own roots vouch for it. Default true. */
  readonly hasCa?: boolean | undefined;
}

/** The host that a connection is made to, with its port unless that is 443, for messages. */
export function toPeerHost({ authorityHost, tokenProxy }: Endpoint): string {
  return new URL(tokenProxy?.url ?? authorityHost).host;
}

/** Begins a sentence about what the peer said or did. */
export function toPeerName({ tokenProxy }: Endpoint): string {
  return tokenProxy === undefined ? 'Entra' : 'The token proxy';
}
