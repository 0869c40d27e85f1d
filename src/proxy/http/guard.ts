import type { ErrorCode } from '../errors.ts';

/** What the guard reads of a request; node:http's IncomingMessage is one. */
export interface GuardedRequest {
  /** Names and values in turn, as received. Reading it does not build `headers`. */
  readonly rawHeaders: readonly string[];
  readonly httpVersionMinor: number;
}

export type Refusal = Extract<
  ErrorCode,
  'ERR_HTTP_MALFORMED' | 'ERR_HTTP_BODY' | 'ERR_METADATA_HEADER' | 'ERR_FORWARDED' | 'ERR_HOST'
>;

/**
 * @param authority of an absolute-form request target, which counts like a Host (RFC 9112 §3.2.2).
 * @returns why the request must not be served; undefined if it may be.
 */
export type Guard = (request: GuardedRequest, authority?: string) => Refusal | undefined;

/** The names under which the metadata service is legitimately addressed from inside a pod. */
const metadataHosts: readonly string[] = ['169.254.169.254', '127.0.0.1', 'localhost', '[::1]'];

/**
 * A body up to this length is thrown away, so that the connection stays usable. It is far below what
 * node:http takes in without a reader, so that a request that waits for an exchange still arrives whole.
 */
export const maxIgnoredBytes = 16_384;

/**
 * Makes the check that stands before everything else: `Metadata: true`, which a browser or a server-side
 * request forgery cannot add; no trace of a forwarding proxy; and a Host that is ours, which stops DNS
 * rebinding. The missing Metadata header is reported first whatever else is wrong, because SDKs probe
 * without it and read the answer's text. It runs on every request: one pass, no allocation.
 * @param extraHosts more names to accept as Host, without port.
 * @param metadataHeader `ignored` for a protocol that has a secret instead.
 */
export function createGuard(
  extraHosts: readonly string[] = [],
  metadataHeader: 'required' | 'ignored' = 'required',
): Guard {
  const hosts = new Set([...metadataHosts, ...extraHosts.map((host) => host.toLowerCase())]);
  let lastHost: string | undefined;

  /** Nearly all requests come with the same Host, so the last good one is compared first. */
  const isOurs = (host: string): boolean => {
    if (host === lastHost) return true;
    if (!hosts.has(toHostname(host))) return false;
    lastHost = host;
    return true;
  };

  return ({ rawHeaders, httpVersionMinor }, authority) => {
    let metadata: boolean | undefined;
    let forwarded = false;
    let hostCount = 0;
    let hostOurs = authority === undefined || isOurs(authority);
    let bodyTooLong = false;
    let transferCoded = false;
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] as string;
      const value = rawHeaders[index + 1] as string;
      // The length rules out nearly every other header without looking at its letters.
      switch (name.length) {
        case 4:
          if (isName(name, 'host')) {
            hostCount += 1;
            hostOurs &&= isOurs(value);
          }
          break;
        case 8:
          if (isName(name, 'metadata')) metadata = metadata !== false && isTrue(value);
          break;
        case 9:
          if (isName(name, 'forwarded')) forwarded = true;
          break;
        case 14:
          if (isName(name, 'content-length')) bodyTooLong = Number(value) > maxIgnoredBytes;
          break;
        case 15:
          if (isName(name, 'x-forwarded-for')) forwarded = true;
          break;
        case 17:
          if (isName(name, 'transfer-encoding')) transferCoded = true;
          break;
      }
    }
    // No IMDS client sends one. Refused, two parsers that disagree about where such a request ends
    // (request smuggling) have nothing to disagree about.
    if (transferCoded) return 'ERR_HTTP_MALFORMED';
    if (bodyTooLong) return 'ERR_HTTP_BODY';
    if (metadata !== true && metadataHeader === 'required') return 'ERR_METADATA_HEADER';
    if (forwarded) return 'ERR_FORWARDED';
    // HTTP/1.0 knew no Host; since 1.1 exactly one is required (RFC 9112 §3.2).
    const hostMissing = hostCount === 0 && httpVersionMinor > 0;
    return hostMissing || hostCount > 1 || !hostOurs ? 'ERR_HOST' : undefined;
  };
}

function isName(name: string, lowerCaseName: string): boolean {
  return name === lowerCaseName || name.toLowerCase() === lowerCaseName;
}

/** PowerShell's `$true` reaches the wire as `True`. */
function isTrue(value: string): boolean {
  return value === 'true' || value.trim().toLowerCase() === 'true';
}

/** A Host or authority without its port, in lower case. */
function toHostname(authority: string): string {
  return authority.trim().toLowerCase().replace(/:\d*$/, '');
}
