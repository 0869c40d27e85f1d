/** The parts of a request target (RFC 9112 §3.2), undecoded. */
export interface RequestTarget {
  /** Host and port of an absolute-form target; undefined for the usual origin-form. */
  readonly authority: string | undefined;
  /** As sent, without the query. */
  readonly path: string;
  /** Without the question mark. Empty if the target has no query. */
  readonly query: string;
}

const absoluteForm = /^https?:\/\/([^/?]*)/i;

/** Splits a request target. `new URL` would cost half as much as a request, and would decode and normalise. */
export function parseTarget(target: string): RequestTarget {
  const absolute = absoluteForm.exec(target);
  const rest = absolute === null ? target : target.slice(absolute[0].length);
  const mark = rest.indexOf('?');
  return {
    authority: absolute?.[1],
    path: mark === -1 ? rest : rest.slice(0, mark),
    query: mark === -1 ? '' : rest.slice(mark + 1),
  };
}

/** The parts of the metadata service that pass-through knows. */
export type MetadataService =
  | 'instance'
  | 'versions'
  | 'scheduledevents'
  | 'loadbalancer'
  | 'attested';

/** What a path stands for. */
export type Operation =
  | { readonly kind: 'token' }
  /** App Service's token path, on the same port. */
  | { readonly kind: 'app-service' }
  | { readonly kind: 'readyz' }
  /** `path` is the normalised one: the only spelling that may be forwarded. */
  | { readonly kind: 'metadata'; readonly service: MetadataService; readonly path: string }
  /** Below `/metadata/identity`, but not the token path. Never forwarded: it is the node's identity. */
  | { readonly kind: 'identity' }
  /** Where clients look for IMDSv2, which the proxy does not serve. */
  | { readonly kind: 'imds-v2' }
  | { readonly kind: 'unknown' };

const unknown: Operation = { kind: 'unknown' };

/**
 * The characters in the paths of IMDS. Backslashes and percent signs are not among them: servers disagree about
 * the meaning of `%5c` or `%2e%2e/`, and attackers have used that to bypass an access list (CVE-2022-23551).
 */
const plainPath = /^\/[\w.~/-]*$/;
const dotSegment = /\/\.{1,2}(?:\/|$)/;

/**
 * Normalises a path and then matches it exactly. As in IMDS, only `metadata` may be in any case. Repeated slashes
 * and a slash at the end are ignored, because clients join a base address that ends in a slash with a path that
 * starts with one.
 */
export function toOperation(path: string): Operation {
  if (!plainPath.test(path) || dotSegment.test(path)) return unknown;
  const [, root = '', service = '', ...rest] = path
    .replace(/\/{2,}/g, '/')
    .replace(/\/$/, '')
    .split('/');
  // As in upstream's router, any path below /readyz is /readyz.
  if (root === 'readyz') return { kind: 'readyz' };
  // On Windows, App Service writes it in capitals.
  if (root.toLowerCase() === 'msi' && service === 'token' && rest.length === 0) {
    return { kind: 'app-service' };
  }
  if (root.toLowerCase() !== 'metadata') return unknown;
  if (service === 'identity' && rest.join('/') === 'oauth2/token') return { kind: 'token' };
  if (service.toLowerCase() === 'identity') {
    const isV2 = rest.join('/').toLowerCase() === 'getplatformmetadata';
    return { kind: isV2 ? 'imds-v2' : 'identity' };
  }
  if (!isMetadataService(service)) return unknown;
  return { kind: 'metadata', service, path: ['/metadata', service, ...rest].join('/') };
}

function isMetadataService(name: string): name is MetadataService {
  switch (name) {
    case 'instance':
    case 'versions':
    case 'scheduledevents':
    case 'loadbalancer':
    case 'attested':
      return true;
    default:
      return false;
  }
}
