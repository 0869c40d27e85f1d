import { accept, refuse, type ValueType } from '../../shared/option-table.ts';

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
