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

/** An `https` URL without user info, query and fragment; an empty path becomes `/`. */
export const httpsUrlValue: ValueType<string> = {
  label: 'https-url',
  parse(text) {
    const parsed = parseHttpsUrl(text);
    return parsed.ok ? accept(`${parsed.value.origin}${parsed.value.pathname}`) : parsed;
  },
};

/** The origin of an authority: an `https` URL without path; trailing slashes are dropped. */
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
 * The URL parser of the platform forgives too much (white space, backslashes, a third slash, an empty query), so
 * those are looked for in the text itself.
 */
function parseHttpsUrl(text: string): Parsed<URL> {
  const refused = (fault: string, fix: string): Fault =>
    refuse(fault, fix, { shown: JSON.stringify(hideUserInfo(text)) });

  if (/[\s\\]|\p{Cc}/u.test(text)) {
    return refused('holds white space, a backslash or a control character', 'remove it');
  }
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  if (scheme === undefined) return refused('is not a URL', 'write it like https://host');
  if (scheme.toLowerCase() !== 'https') {
    return refused(`has the scheme ${scheme}`, 'use https: the ServiceAccount token goes there');
  }
  if (text.includes('?')) return refused('has a query', 'remove everything from the ? on');
  if (text.includes('#')) return refused('has a fragment', 'remove everything from the # on');
  if (/^https:\/\/\//i.test(text)) {
    return refused('is not a URL', 'write it like https://host, with two slashes');
  }
  const userInfo = refused('holds user info', 'remove everything before and including the @');
  if (/^https:\/\/[^/]*@/i.test(text)) return userInfo;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return refused('is not a URL', 'write it like https://host or https://host:port');
  }
  return url.username === '' && url.password === '' ? accept(url) : userInfo;
}

/** A user name or password must not reach a message, however malformed the rest is. */
function hideUserInfo(text: string): string {
  return text.replace(/^.*@/s, '***@');
}

/**
 * The URL of an HTTP proxy, with user and password if it wants them; without a scheme, http is meant, as in
 * curl and Go.
 */
export const httpProxyValue: ValueType<string> = {
  label: 'http-proxy',
  parse(text) {
    const fix = 'write it like http://host:port or http://user:password@host:port';
    const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
    if (/\s|\p{Cc}/u.test(text) || !URL.canParse(withScheme)) return refuse('is not a URL', fix);
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
      return refuse('has a % in user or password that encodes nothing', 'write % as %25');
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
        'asks for the region to be discovered, which is asked of the metadata address and would come back to this proxy',
        'write the name of the region, such as westeurope',
      );
    }
    if (/^[a-z][a-z0-9]{2,39}$/.test(text)) return accept(text);
    return refuse('is not the name of a region', 'write it like westeurope, in small letters');
  },
};

/** One or more certificates in PEM, each of which can be parsed. */
export const certificatesValue: ValueType<string> = {
  label: 'pem',
  parse: parseCertificates,
  show: (pem) => `${findPemCertificates(pem).length} in PEM`,
};

/**
 * Node itself would take an empty or garbled CA for "use the public roots", so every block is tried here.
 */
export function parseCertificates(pem: string): Parsed<string> {
  const shown = 'the value';
  const blocks = findPemCertificates(pem);
  if (blocks.length === 0) {
    return refuse('holds no PEM certificate', 'give the CA in PEM, BEGIN and END lines included', {
      shown,
    });
  }
  // Loaded here because almost nobody sets a CA, and node:crypto would slow every start.
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

/** As many as a GUID without dashes or 16 random bytes in hexadecimal have. */
const leastLength = 32;
/** Twice what any generator writes, and far below the limit for all headers together. */
const mostLength = 512;

/** A secret that travels as the value of an HTTP header. */
export const headerSecretValue: ValueType<string> = {
  label: 'secret',
  parse(text) {
    const fix = 'set 32 or more random letters and digits, such as openssl rand -hex 32 prints';
    if (text.length < leastLength) return refuse('is too short to be kept from guessing', fix);
    if (text.length > mostLength) return refuse(`is longer than ${mostLength} characters`, fix);
    if (!/^[\x21-\x7e]+$/.test(text)) {
      return refuse('has characters that not every client can put into a header', fix);
    }
    return accept(text);
  },
};
