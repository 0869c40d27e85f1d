import {
  accept,
  type Fault,
  type Parsed,
  refuse,
  type ValueType,
} from '../../shared/option-table.ts';

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
