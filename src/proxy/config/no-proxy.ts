import { BlockList } from 'node:net';
import { toIpVersion } from '../../shared/ip-address.ts';

/** What only this machine and this pod can reach is never behind an HTTP proxy. */
const ALWAYS_DIRECT = '169.254.169.254 localhost .localhost 127.0.0.0/8 ::1';

/**
 * Whether a URL is reached without the HTTP proxy. Programs read NO_PROXY differently; this accepts what
 * curl, Go and Node accept together. Entries are separated by commas or white space. An entry is a name
 * (its subdomains included), `.name` or `*.name`, an address, a CIDR, each with or without `:port` (IPv6
 * then in brackets), or `*` for everything. Names are not resolved, so only addresses match addresses.
 */
export function isDirect(url: string, noProxy: string | undefined): boolean {
  const { hostname, port, protocol } = new URL(url);
  // Without brackets and the dot that ends an absolute name.
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const portNumber = Number(port || (protocol === 'http:' ? 80 : 443));
  return split(`${ALWAYS_DIRECT} ${noProxy ?? ''}`).some((text) =>
    matches(parseEntry(text), host, portNumber),
  );
}

/**
 * The entries that match nothing, at most five, each with the reason: other programs ignore them silently
 * as well, and traffic then takes a way that nobody meant.
 */
export function findNoProxyFaults(noProxy: string): readonly string[] {
  return split(noProxy)
    .flatMap((text) => {
      const entry = parseEntry(text);
      return entry.kind === 'invalid'
        ? [`${JSON.stringify(text.slice(0, 80))} ${entry.fault}`]
        : [];
    })
    .slice(0, 5);
}

type Entry =
  | { readonly kind: 'everything' }
  | {
      readonly kind: 'network';
      readonly address: string;
      readonly version: 4 | 6;
      readonly prefix: number;
      readonly port: number | undefined;
    }
  | { readonly kind: 'name'; readonly name: string; readonly port: number | undefined }
  /** The fault continues a sentence that begins with the entry. */
  | { readonly kind: 'invalid'; readonly fault: string };

function split(noProxy: string): readonly string[] {
  return noProxy.split(/[\s,]+/).filter((entry) => entry !== '');
}

function parseEntry(text: string): Entry {
  if (text === '*') return { kind: 'everything' };
  if (text.includes('://')) return invalid('is a URL, not a host');
  const { pattern, portText } = toParts(text.toLowerCase());
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65_535)) return invalid('has no valid port');

  const [, address = '', bits] = /^([^/]*)(?:\/(.*))?$/.exec(pattern) ?? [];
  const version = toIpVersion(address);
  if (version !== undefined) {
    const width = version === 4 ? 32 : 128;
    const prefix = bits === undefined ? width : Number(bits);
    if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || prefix > width)) {
      return invalid(`has no prefix length from 0 to ${width}`);
    }
    return { kind: 'network', address, version, prefix, port };
  }
  const name = pattern.replace(/^\*?\./, '').replace(/\.$/, '');
  const isName = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(name) && !/^[\d.]+$/.test(name);
  return isName ? { kind: 'name', name, port } : invalid('is not a name, an address or a network');
}

function invalid(fault: string): Entry {
  return { kind: 'invalid', fault };
}

function matches(entry: Entry, host: string, port: number): boolean {
  const version = toIpVersion(host);
  switch (entry.kind) {
    case 'everything':
      return true;
    case 'network': {
      if (version === undefined || (entry.port ?? port) !== port) return false;
      const list = new BlockList();
      list.addSubnet(entry.address, entry.prefix, `ipv${entry.version}`);
      return list.check(host, `ipv${version}`);
    }
    case 'name':
      // An address has no subdomains.
      if (version !== undefined || (entry.port ?? port) !== port) return false;
      return host === entry.name || host.endsWith(`.${entry.name}`);
    case 'invalid':
      return false;
  }
}

/** `[::1]:443`, `[::1]`, `::1`, `fd00::/8`, `name:443`, `10.0.0.0/8:443`: with or without a port. */
function toParts(entry: string): { readonly pattern: string; readonly portText?: string } {
  const [, bracketed, bits = '', ofBracketed] =
    /^\[([^\]]*)\](\/\d+)?(?::(\d+))?$/.exec(entry) ?? [];
  if (bracketed !== undefined) {
    const pattern = `${bracketed}${bits}`;
    return ofBracketed === undefined ? { pattern } : { pattern, portText: ofBracketed };
  }
  const [, pattern, portText] = /^([^:]*):(\d+)$/.exec(entry) ?? [];
  return pattern === undefined || portText === undefined
    ? { pattern: entry }
    : { pattern, portText };
}
