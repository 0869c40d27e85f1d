import { isIPv6 } from 'node:net';

/** `scheme://name:port`, with brackets around an IPv6 address. */
export function toOrigin(scheme: 'http' | 'https', name: string, port: number): string {
  return `${scheme}://${isIPv6(name) ? `[${name}]` : name}:${port}`;
}

/** What a client on this machine can call an address that a server listens on. */
export function toReachableName(host: string): string {
  return host === '0.0.0.0' || host === '::' ? 'localhost' : host;
}
