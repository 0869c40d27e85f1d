import { BlockList } from 'node:net';
import { toIpVersion } from '../shared/ip-address.ts';

/** Never behind an HTTP proxy: what only this machine and this pod can reach. */
const ALWAYS_DIRECT = '169.254.169.254 localhost .localhost 127.0.0.0/8 ::1';

/**
 * Whether a URL is to be reached without HTTP proxy. The syntaxes of NO_PROXY differ from program to program;
 * this takes what curl, Go and Node take together: entries between commas or white space; a name, which also
 * means its subdomains, as do `.name` and `*.name`; an address; a CIDR; each with or without `:port`, IPv6 in
 * brackets then; `*` for everything. Names are not resolved, so addresses match addresses alone.
 */
export function isDirect(url: string, noProxy: string | undefined): boolean {
  const { hostname, port, protocol } = new URL(url);
  const host = toBareHost(hostname);
  const portNumber = port === '' ? (protocol === 'http:' ? '80' : '443') : port;
  return `${ALWAYS_DIRECT} ${noProxy ?? ''}`
    .split(/[\s,]+/)
    .some((entry) => entry !== '' && matches(entry.toLowerCase(), host, portNumber));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const { pattern, onlyPort } = toParts(entry);
  if (onlyPort !== undefined && onlyPort !== port) return false;
  const [network = '', bits] = pattern.split('/');
  if (toIpVersion(network) !== undefined) return isWithin(host, network, bits);
  // An address has no subdomains.
  if (toIpVersion(host) !== undefined) return false;
  const name = pattern.replace(/^\*?\./, '').replace(/\.$/, '');
  return name !== '' && (host === name || host.endsWith(`.${name}`));
}

/** `[::1]:443`, `[::1]`, `::1`, `fd00::/8`, `name:443`, `10.0.0.0/8:443`: with or without a port. */
function toParts(entry: string): { readonly pattern: string; readonly onlyPort?: string } {
  const [, bracketed, bits = '', ofBracketed] =
    /^\[([^\]]*)\](\/\d+)?(?::(\d+))?$/.exec(entry) ?? [];
  if (bracketed !== undefined) {
    const pattern = `${bracketed}${bits}`;
    return ofBracketed === undefined ? { pattern } : { pattern, onlyPort: ofBracketed };
  }
  const [, pattern, onlyPort] = /^([^:]*):(\d+)$/.exec(entry) ?? [];
  return pattern === undefined || onlyPort === undefined
    ? { pattern: entry }
    : { pattern, onlyPort };
}

function isWithin(host: string, network: string, bits: string | undefined): boolean {
  const version = toIpVersion(host);
  if (version === undefined) return false;
  const family = toIpVersion(network) === 4 ? 'ipv4' : 'ipv6';
  const width = family === 'ipv4' ? 32 : 128;
  const prefix = bits === undefined ? width : Number(bits);
  if (!/^\d{0,3}$/.test(bits ?? '') || bits === '' || prefix > width) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family);
  return list.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/** Without brackets and the dot that ends an absolute name. */
function toBareHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}
