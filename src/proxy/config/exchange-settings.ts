import { readSmallFileSync } from '../../shared/small-file.ts';
import { MAX_ASSERTION_BYTES, parseAssertion } from '../entra/exchange/assertion.ts';
import { findAssertionDoubt, findAssertionFault } from '../entra/exchange/assertion-fault.ts';
import type { EntraSettings, ExchangeMode } from '../entra/settings.ts';
import type { ProxyConfig } from './config.ts';
import { isDirect } from './no-proxy.ts';
import { proxyOptions } from './options.ts';

/** The part of the configuration that an exchange needs. */
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

/** The URL of the HTTP proxy on the way to `url`, if there is one. */
function findHttpProxy(
  { httpsProxy, httpProxy, noProxy }: ProxyConfig,
  url: string,
): string | undefined {
  return isDirect(url, noProxy) ? undefined : (httpsProxy ?? httpProxy);
}

/** A file that should hold a ServiceAccount token, and what exchanges use it for. */
export interface AssertionFile {
  readonly path: string;
  readonly mode: ExchangeMode;
  /** The first identity that uses it and is not like the others; undefined for AZURE_FEDERATED_TOKEN_FILE. */
  readonly identity?: {
    readonly clientId: string;
    /** Its place in IMDS_PROXY_IDENTITIES, from 1: how people are told of it who may not know the client ID. */
    readonly entry: number;
  };
}

/** The files of ServiceAccount tokens, once for each mode of exchange that they are used in. */
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

/** Tokens that are there already and that will be refused: they are for somebody else. */
export function findAudienceRisks(config: ProxyConfig): readonly string[] {
  return listAssertionFiles(config).flatMap(({ path, mode, identity }) => {
    const assertion = parseAssertion(readIfPresent(path));
    if (assertion === undefined) return [];
    // Whether it is valid now is for the exchange to see: the kubelet may renew it before.
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

/** Empty if it cannot be read: it may appear after the start. */
function readIfPresent(path: string): string {
  try {
    return readSmallFileSync(path, MAX_ASSERTION_BYTES).trim();
  } catch {
    return '';
  }
}
