import type { ErrorCode } from '../errors.ts';
import { maxHeaders } from './connections.ts';

/** The part of a request that the guard reads; node:http's IncomingMessage has it. */
export interface GuardedRequest {
  /** The request target. */
  readonly url?: string | undefined;
  /** Names and values in turn, as received. Reading it does not build `headers`. */
  readonly rawHeaders: readonly string[];
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
}

/** Why a request must not be served. */
export interface Refusal {
  readonly code: Extract<
    ErrorCode,
    | 'ERR_HTTP_MALFORMED'
    | 'ERR_HTTP_HEADERS'
    | 'ERR_HTTP_BODY'
    | 'ERR_METADATA_HEADER'
    | 'ERR_FORWARDED'
    | 'ERR_HOST'
  >;
  /** The rule that the request breaks, for the log. */
  readonly message: string;
  /** The name of the header at fault. Its value is never logged. */
  readonly header?: string;
  /** The second fault of a request whose first one is the missing Metadata header. */
  readonly otherwise?: Refusal | undefined;
}

/** @returns why the request must not be served; undefined if it may be. */
export type Guard = (request: GuardedRequest) => Refusal | undefined;

/** The names by which clients inside a pod address the metadata service. */
const metadataHosts: readonly string[] = ['169.254.169.254', '127.0.0.1', 'localhost', '[::1]'];

/**
 * A body up to this length is discarded, so that the connection stays usable. node:http buffers far more than
 * that without a reader, so a request that waits for an exchange still arrives completely.
 */
export const maxIgnoredBytes = 16_384;

const wrongVersion: Refusal = {
  code: 'ERR_HTTP_MALFORMED',
  message: 'the HTTP version is not 1.0 or 1.1',
};
/** `connections.ts` refuses it before it is a request; a guard must not depend on that. */
const tooManyHeaders: Refusal = {
  code: 'ERR_HTTP_HEADERS',
  message: `the request has more than ${maxHeaders} headers`,
};
/**
 * No IMDS client sends it. Refusing it prevents request smuggling, in which two parsers disagree about the end
 * of such a request.
 */
const transferCoded: Refusal = {
  code: 'ERR_HTTP_MALFORMED',
  message: 'header Transfer-Encoding is not allowed',
  header: 'Transfer-Encoding',
};
const bodyTooLong: Refusal = {
  code: 'ERR_HTTP_BODY',
  message: `the body is longer than ${maxIgnoredBytes} bytes`,
  header: 'Content-Length',
};
const notMetadata: Refusal = {
  code: 'ERR_METADATA_HEADER',
  message: 'header Metadata is missing or not true',
  header: 'Metadata',
};
const forwarded: Refusal = {
  code: 'ERR_FORWARDED',
  message: 'header Forwarded: requests that a proxy has forwarded are not served',
  header: 'Forwarded',
};
const forwardedFor: Refusal = {
  code: 'ERR_FORWARDED',
  message: 'header X-Forwarded-For: requests that a proxy has forwarded are not served',
  header: 'X-Forwarded-For',
};
const noHost: Refusal = {
  code: 'ERR_HOST',
  message: 'header Host is missing',
  header: 'Host',
};
const severalHosts: Refusal = {
  code: 'ERR_HOST',
  message: 'header Host is given more than once',
  header: 'Host',
};
const foreignHost: Refusal = {
  code: 'ERR_HOST',
  message:
    'header Host names another host; add it to IMDS_PROXY_ALLOWED_HOSTS if clients reach the proxy by that name',
  header: 'Host',
};
const foreignAuthority: Refusal = {
  code: 'ERR_HOST',
  message: 'the request target names another host',
};

/** Of an absolute-form request target, which counts like a Host (RFC 9112 §3.2.2). */
const absoluteForm = /^https?:\/\/([^/?]*)/i;
const slash = 0x2f;

/**
 * Creates the check that every request must pass first. It requires `Metadata: true`, which a browser or a
 * server-side request forgery cannot add; no sign of a forwarding proxy; and one of our Host names, which stops
 * DNS rebinding. A missing Metadata header is always reported first, because SDKs probe without it and read the
 * answer's text. The check runs once for each request, in one pass and without allocation.
 * @param extraHosts more names to accept as Host, without port.
 */
export function createGuard(extraHosts: readonly string[] = []): Guard {
  const hosts = new Set([...metadataHosts, ...extraHosts.map((host) => host.toLowerCase())]);
  let lastHost: string | undefined;

  /** Almost all requests have the same Host, so the last good one is compared first. */
  const isOurs = (host: string): boolean => {
    if (host === lastHost) return true;
    if (!hosts.has(toHostname(host))) return false;
    lastHost = host;
    return true;
  };

  const isTargetOurs = (url: string): boolean => {
    const [, authority] = absoluteForm.exec(url) ?? [];
    return authority === undefined || isOurs(authority);
  };

  return ({ rawHeaders, httpVersionMajor, httpVersionMinor, url = '' }) => {
    if (rawHeaders.length > 2 * maxHeaders) return tooManyHeaders;
    let metadata: boolean | undefined;
    let hostCount = 0;
    let hostOurs = true;
    let forwarding: Refusal | undefined;
    let framing: Refusal | undefined;
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] as string;
      const value = rawHeaders[index + 1] as string;
      // Comparing lengths first excludes almost all other headers.
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
          if (isName(name, 'forwarded')) forwarding = forwarded;
          break;
        case 14:
          if (isName(name, 'content-length') && Number(value) > maxIgnoredBytes) {
            framing ??= bodyTooLong;
          }
          break;
        case 15:
          if (isName(name, 'x-forwarded-for')) forwarding = forwardedFor;
          break;
        case 17:
          if (isName(name, 'transfer-encoding')) framing = transferCoded;
          break;
      }
    }
    if (httpVersionMajor !== 1) return wrongVersion;
    if (framing !== undefined) return framing;
    let refusal = forwarding;
    if (refusal === undefined) {
      if (url.charCodeAt(0) !== slash && !isTargetOurs(url)) refusal = foreignAuthority;
      // HTTP/1.0 has no Host. HTTP/1.1 requires exactly one (RFC 9112 §3.2).
      else if (hostCount === 0 && httpVersionMinor > 0) refusal = noHost;
      else if (hostCount > 1) refusal = severalHosts;
      else if (!hostOurs) refusal = foreignHost;
    }
    return metadata === true ? refusal : { ...notMetadata, otherwise: refusal };
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
