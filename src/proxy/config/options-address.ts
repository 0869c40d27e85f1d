import { toIpVersion } from '../../shared/ip-address.ts';
import { accept, refuse, type ValueType } from '../../shared/option-table.ts';
import { parseInteger } from '../../shared/option-values.ts';

/** An address and a port to connect to. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** An IPv4 or IPv6 address, never a name: what a name resolves to is not ours to decide. */
export const addressValue: ValueType<string> = {
  label: 'address',
  parse(text) {
    if (toIpVersion(text) !== undefined) return accept(text);
    return refuse('is not an IP address', 'set an address such as 127.0.0.1, not a name');
  },
};

/** `address:port`, with port 80 if there is none; an IPv6 address stands in brackets. */
export const endpointValue: ValueType<Endpoint> = {
  label: 'address:port',
  parse(text) {
    const [, bracketed, plain, portText = '80'] =
      /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([0-9]+))?$/.exec(text) ?? [];
    const address = bracketed ?? plain ?? '';
    const port = parseInteger(portText) ?? 0;
    const family = bracketed === undefined ? 4 : 6;
    if (toIpVersion(address) !== family || port < 1 || port > 65_535) {
      return refuse('is not address:port', 'write it like 169.254.169.254:80 or [fd00::1]:80');
    }
    return accept({ address, port });
  },
};

const label = '[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?';
const dnsName = new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})*$`);

/** A host as it stands in a Host header, without port, in lower case. */
export const hostValue: ValueType<string> = {
  label: 'host',
  parse(text) {
    const host = text.toLowerCase();
    if (toIpVersion(host) !== undefined || dnsName.test(host)) return accept(host);
    return refuse('is not a host name or address', 'write it without scheme, port and path');
  },
};

/** A DNS name, in lower case; an address is none (and no TLS server name, by RFC 6066). */
export const dnsNameValue: ValueType<string> = {
  label: 'name',
  parse(text) {
    const name = text.toLowerCase();
    if (toIpVersion(name) === undefined && dnsName.test(name)) return accept(name);
    return refuse('is not a DNS name', 'write it without scheme, port and path');
  },
};

/** The absolute path of a file. Whether it exists is seen when it is read. */
export const fileValue: ValueType<string> = {
  label: 'path',
  parse(text) {
    if (!text.startsWith('/')) {
      return refuse('is not an absolute path', 'write the whole path, beginning with /');
    }
    if (text.includes('\0')) return refuse('holds a NUL character', 'remove it');
    if (text.endsWith('/')) return refuse('names a directory', 'name the file in it');
    return accept(text);
  },
};

/** True for the addresses that only this network namespace can reach. */
export function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\./i.test(address) || address === '::1';
}

/** True for the addresses that mean every address of the machine. */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
