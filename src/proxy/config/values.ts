import { toIpVersion } from '../../shared/ip-address.ts';
import {
  accept,
  type Fault,
  type Parsed,
  refuse,
  type ValueType,
} from '../../shared/option-table.ts';
import { parseInteger } from '../../shared/option-values.ts';
import { findPemCertificates } from '../../shared/pem.ts';
import { hasControlCharacter } from '../../shared/untrusted-text.ts';

/** An IP address and a port. */
export interface HostPort {
  readonly address: string;
  readonly port: number;
}

/** An IPv4 or IPv6 address. Names are refused: DNS would decide where the proxy listens. */
export const addressValue: ValueType<string> = {
  label: 'address',
  parse(text) {
    if (toIpVersion(text) !== undefined) return accept(text);
    return refuse('is not an IP address', 'set an address such as 127.0.0.1, not a name');
  },
};

/** `address:port`; the port is 80 if missing, and an IPv6 address is in brackets. */
export const endpointValue: ValueType<HostPort> = {
  label: 'address:port',
  show: ({ address, port }) =>
    address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
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

/** A host name as in a Host header, without the port, in lower case. */
export const hostValue: ValueType<string> = {
  label: 'host',
  parse(text) {
    const host = text.toLowerCase();
    if (toIpVersion(host) !== undefined || dnsName.test(host)) return accept(host);
    return refuse('is not a host name or address', 'write it without scheme, port and path');
  },
};

/** A DNS name, in lower case. Addresses are refused: RFC 6066 does not allow them as TLS server names. */
export const dnsNameValue: ValueType<string> = {
  label: 'name',
  parse(text) {
    const name = text.toLowerCase();
    if (toIpVersion(name) === undefined && dnsName.test(name)) return accept(name);
    return refuse('is not a DNS name', 'write it without scheme, port and path');
  },
};

/** The absolute path of a file. The file need not exist yet. */
export const fileValue: ValueType<string> = {
  label: 'path',
  parse(text) {
    if (!text.startsWith('/')) {
      return refuse('is not an absolute path', 'write the whole path, starting with /');
    }
    if (text.includes('\0')) return refuse('holds a NUL character', 'remove it');
    if (text.endsWith('/')) return refuse('names a directory', 'name the file in it');
    return accept(text);
  },
};

/** Whether only this network namespace can connect to the address. */
export function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\./i.test(address) || address === '::1';
}

/** Whether the address means every address of the machine. */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** An `https` URL without user info, query and fragment; an empty path becomes `/`. */
export const httpsUrlValue: ValueType<string> = {
  label: 'https-url',
  parse(text) {
    const parsed = parseHttpsUrl(text);
    return parsed.ok ? accept(`${parsed.value.origin}${parsed.value.pathname}`) : parsed;
  },
};

/** The origin of an authority: an `https` URL without a path. Trailing slashes are removed. */
export const authorityValue: ValueType<string> = {
  label: 'https-origin',
  parse(text) {
    const parsed = parseHttpsUrl(text);
    if (!parsed.ok) return parsed;
    const { origin, pathname } = parsed.value;
    if (/[^/]/.test(pathname)) {
      return refuse('has a path', `write ${origin} alone; the tenant goes into AZURE_TENANT_ID`, {
        shown: JSON.stringify(hideUserInfo(text)),
      });
    }
    return accept(origin);
  },
};

/**
 * Node's URL parser accepts white space, backslashes, a third slash and an empty query. The text itself is
 * checked for these.
 */
function parseHttpsUrl(text: string): Parsed<URL> {
  const refused = (fault: string, fix: string): Fault =>
    refuse(fault, fix, { shown: JSON.stringify(hideUserInfo(text)) });

  if (/[\s\\]/.test(text) || hasControlCharacter(text)) {
    return refused('holds white space, a backslash or a control character', 'remove it');
  }
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  if (scheme === undefined) return refused('is not a URL', 'write it like https://host');
  if (scheme.toLowerCase() !== 'https') {
    return refused(`has the scheme ${scheme}`, 'use https: the ServiceAccount token goes there');
  }
  if (text.includes('?'))
    return refused('has a query', 'remove everything after the ?, and the ? itself');
  if (text.includes('#'))
    return refused('has a fragment', 'remove everything after the #, and the # itself');
  if (/^https:\/\/\//i.test(text)) {
    return refused('is not a URL', 'write it like https://host, with two slashes');
  }
  const userInfo = refused('contains user info', 'remove everything up to the @');
  if (/^https:\/\/[^/]*@/i.test(text)) return userInfo;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return refused('is not a URL', 'write it like https://host or https://host:port');
  }
  return url.username === '' && url.password === '' ? accept(url) : userInfo;
}

/** Removes user name and password, even from a text that is not a URL. */
function hideUserInfo(text: string): string {
  return text.replace(/^.*@/s, '***@');
}

/** The URL of an HTTP proxy, with an optional user and password. The default scheme is http, as in curl and Go. */
export const httpProxyValue: ValueType<string> = {
  label: 'http-proxy',
  parse(text) {
    const fix = 'write it like http://host:port or http://user:password@host:port';
    const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
    if (/\s/.test(text) || hasControlCharacter(text) || !URL.canParse(withScheme))
      return refuse('is not a URL', fix);
    const url = new URL(withScheme);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      return refuse('is not the URL of an HTTP proxy', fix);
    }
    if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
      return refuse('has a path, a query or a fragment', fix);
    }
    try {
      decodeURIComponent(url.username);
      decodeURIComponent(url.password);
    } catch {
      return refuse('has a % in the user or password that is not an escape', 'write % as %25');
    }
    return accept(url.href.replace(/\/$/, ''));
  },
};

/** The name of an Azure region, such as westeurope. */
export const regionValue: ValueType<string> = {
  label: 'region',
  parse(text) {
    if (/^auto/i.test(text.replace(/[^a-z]/gi, ''))) {
      return refuse(
        'asks to discover the region, which would query this proxy itself',
        'write the name of the region, such as westeurope',
      );
    }
    if (/^[a-z][a-z0-9]{2,39}$/.test(text)) return accept(text);
    return refuse('is not the name of a region', 'write it in lower case, such as westeurope');
  },
};

/** One or more certificates in PEM, each of which can be parsed. */
export const certificatesValue: ValueType<string> = {
  label: 'pem',
  parse: parseCertificates,
  show: (pem) => `${findPemCertificates(pem).length} in PEM`,
};

/** Parses every certificate: given an empty or garbled CA, Node would trust the public roots. */
export function parseCertificates(pem: string): Parsed<string> {
  const shown = 'the value';
  const blocks = findPemCertificates(pem);
  if (blocks.length === 0) {
    return refuse(
      'contains no PEM certificate',
      'set the CA in PEM, with the BEGIN and END lines',
      {
        shown,
      },
    );
  }
  // Loaded only if needed: node:crypto would slow down every start.
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  for (const [index, text] of blocks.entries()) {
    try {
      new X509Certificate(text);
    } catch {
      return refuse('cannot be parsed', 'replace it with the whole certificate', {
        at: `, certificate ${index + 1}`,
        shown,
      });
    }
  }
  return accept(pem);
}

/** The length of a GUID without dashes, or of 16 random bytes in hexadecimal. */
const leastLength = 32;
/** Longer than what generators write, and far below Node's limit for all headers together. */
const mostLength = 512;

/** A secret that is sent as the value of an HTTP header. */
export const headerSecretValue: ValueType<string> = {
  label: 'secret',
  parse(text) {
    const fix = 'set 32 or more random letters and digits, such as openssl rand -hex 32 prints';
    if (text.length < leastLength) return refuse('is too short: it could be guessed', fix);
    if (text.length > mostLength) return refuse(`is longer than ${mostLength} characters`, fix);
    if (!/^[\x21-\x7e]+$/.test(text)) {
      return refuse('has characters that some clients cannot send in a header', fix);
    }
    return accept(text);
  },
};
