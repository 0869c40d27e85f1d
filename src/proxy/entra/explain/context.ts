import type { TextFilter } from '../../../shared/untrusted-text.ts';
import type { ProxyError } from '../../errors.ts';
import type { Identity } from '../../exchange.ts';
import type { AssertionClaims } from '../exchange/assertion.ts';

/** Who is asked for tokens: Entra itself, or the AKS token proxy in its place. */
export interface Peer {
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
export function toPeerHost({ authorityHost, tokenProxy }: Peer): string {
  return new URL(tokenProxy?.url ?? authorityHost).host;
}

/** Begins a sentence about the peer. */
export function toPeerName({ tokenProxy }: Peer): string {
  return tokenProxy === undefined ? 'Entra' : 'The token proxy';
}

/** When a failed attempt is worth another one. */
export type RetryClass =
  /** Never: the answer will be the same. */
  | 'none'
  /** A federated credential that other replicas of the directory may know already. */
  | 'propagation'
  /** A fault of the network or of Entra. */
  | 'transient'
  /** Entra asks for patience. */
  | 'throttled'
  /** Only if the file holds another assertion by now. */
  | 'if-assertion-changed';

/** What was presented, to whom and when. */
export interface Presented extends Peer {
  readonly identity: Identity;
  readonly claims: AssertionClaims;
  /** Wall clock. */
  readonly nowMs: number;
}

/** What a failure is explained with. */
export interface FailureContext extends Presented {
  /** The ID that was sent. */
  readonly correlationId: string;
  /** For texts that come from the peer. */
  readonly clean: TextFilter;
}

/** Why an attempt brought no token, and when another one may. */
export interface AttemptFailure {
  readonly error: ProxyError;
  readonly retry: RetryClass;
}

/** What to change. */
export interface Advice {
  /** A few sentences, without quotes or backslashes that JSON would escape. */
  readonly hint: string;
  /** The change alone, ready to be pasted: a command, or a piece of a manifest. */
  readonly remedy?: string | undefined;
}
