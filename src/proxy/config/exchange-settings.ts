import { readSmallFileSync } from '../../shared/small-file.ts';
import { MAX_ASSERTION_BYTES, parseAssertion } from '../entra/exchange/assertion.ts';
import { findAssertionDoubt, findAssertionFault } from '../entra/explain/assertion-fault.ts';
import type { EntraSettings, ExchangeMode } from '../entra/settings.ts';
import { isDirect } from './no-proxy.ts';
import { proxyOptions } from './options.ts';
import type { ProxyConfig } from './proxy-config.ts';

/** The part of the configuration that exchanges need. */
export function toEntraSettings(config: ProxyConfig): EntraSettings {
  const { federatedTokenFile, exchangeMode, binding, identities } = config;
  const authorityHost = toAuthorityHost(config);
  return {
    authorityHost,
    federatedTokenFile,
    mode: exchangeMode,
    tokenProxy: binding && {
      url: binding.url,
      serverName: binding.serverName,
      ca: binding.ca,
      httpProxy: config.tokenProxyViaHttpProxy ? findHttpProxy(config, binding.url) : undefined,
    },
    httpProxy: findHttpProxy(config, authorityHost),
    extraCaFile: config.extraCaCertsFile,
    exceptions: identities
      .filter(({ mode, tokenFile }) => mode !== undefined || tokenFile !== undefined)
      .map(({ clientId, mode, tokenFile }) => ({ clientId, mode, tokenFile })),
  };
}

/** The authority to ask: the configured one, or its regional one. */
function toAuthorityHost({ authorityHost, regionalAuthority }: ProxyConfig): string {
  if (regionalAuthority === undefined) return authorityHost;
  return toRegionalAuthority(authorityHost, regionalAuthority) ?? authorityHost;
}

/** The host of the regional authorities of each global authority, as in MSAL. */
const regionalHosts: Readonly<Record<string, string>> = {
  'https://login.microsoftonline.com': 'login.microsoft.com',
  'https://login.windows.net': 'login.microsoft.com',
  'https://login.microsoftonline.us': 'login.microsoftonline.us',
  'https://login.chinacloudapi.cn': 'login.partner.microsoftonline.cn',
  'https://login.partner.microsoftonline.cn': 'login.partner.microsoftonline.cn',
};

/**
 * The authority of one Azure region.
 * @param authorityHost an origin without a trailing slash.
 * @returns undefined if there are no regional authorities for it.
 */
export function toRegionalAuthority(authorityHost: string, region: string): string | undefined {
  const host = Object.hasOwn(regionalHosts, authorityHost)
    ? regionalHosts[authorityHost]
    : undefined;
  return host === undefined ? undefined : `https://${region}.${host}`;
}

/** The URL of the HTTP proxy on the way to `url`, if there is one. */
function findHttpProxy(
  { httpsProxy, httpProxy, noProxy }: ProxyConfig,
  url: string,
): string | undefined {
  const proxy = httpsProxy ?? httpProxy;
  return proxy === undefined || isDirect(url, noProxy) ? undefined : proxy;
}

/** A file that should contain a ServiceAccount token, and the mode of the exchanges that use it. */
export interface AssertionFile {
  readonly path: string;
  readonly mode: ExchangeMode;
  /** The first identity with this file and mode; undefined for AZURE_FEDERATED_TOKEN_FILE in the pod's mode. */
  readonly identity?: {
    readonly clientId: string;
    /** Its place in IMDS_PROXY_IDENTITIES, from 1, for readers who must not see the client ID. */
    readonly entry: number;
  };
}

/** The token files, once for each mode that they are used in. */
export function listAssertionFiles({
  federatedTokenFile,
  exchangeMode,
  identities,
}: Pick<
  ProxyConfig,
  'federatedTokenFile' | 'exchangeMode' | 'identities'
>): readonly AssertionFile[] {
  const files: AssertionFile[] = [{ path: federatedTokenFile, mode: exchangeMode }];
  for (const [index, identity] of identities.entries()) {
    const { clientId, mode = exchangeMode, tokenFile: path = federatedTokenFile } = identity;
    if (files.some((file) => file.path === path && file.mode === mode)) continue;
    files.push({ path, mode, identity: { clientId, entry: index + 1 } });
  }
  return files;
}

/** Warns about token files that exist already and hold a token for another audience. */
export function findAudienceRisks(config: ProxyConfig): readonly string[] {
  return listAssertionFiles(config).flatMap(({ path, mode, identity }) => {
    const assertion = parseAssertion(readIfPresent(path));
    if (assertion === undefined) return [];
    // Its times do not matter yet: the kubelet may renew the token before the first exchange.
    const { claims } = assertion;
    const timeless = { ...assertion, claims: { ...claims, notBeforeSeconds: undefined } };
    const doubt = findAssertionDoubt(timeless, 0, mode);
    const fault =
      findAssertionFault(assertion, 0, mode, config.exchangeMode) ??
      (doubt?.isCertain === true ? doubt : undefined);
    const setting =
      identity === undefined
        ? proxyOptions.federatedTokenFile.env
        : `${proxyOptions.identities.env}, ${identity.clientId}`;
    return fault === undefined ? [] : [`${setting}: ${path} ${fault.is}; ${fault.hint}`];
  });
}

/** Empty if the file cannot be read: it may be created later. */
function readIfPresent(path: string): string {
  try {
    return readSmallFileSync(path, MAX_ASSERTION_BYTES).trim();
  } catch {
    return '';
  }
}
