/** Regional authorities by global one, as MSAL has them. */
const regionalHosts: Readonly<Record<string, string>> = {
  'https://login.microsoftonline.com': 'login.microsoft.com',
  'https://login.windows.net': 'login.microsoft.com',
  'https://login.microsoftonline.us': 'login.microsoftonline.us',
  'https://login.chinacloudapi.cn': 'login.partner.microsoftonline.cn',
  'https://login.partner.microsoftonline.cn': 'login.partner.microsoftonline.cn',
};

/**
 * The authority of one Azure region.
 * @param authorityHost origin without a trailing slash.
 * @returns undefined if that authority has no regional ones.
 */
export function toRegionalAuthority(authorityHost: string, region: string): string | undefined {
  const host = Object.hasOwn(regionalHosts, authorityHost)
    ? regionalHosts[authorityHost]
    : undefined;
  return host === undefined ? undefined : `https://${region}.${host}`;
}
