import { readSmallFileSync } from '../../shared/small-file.ts';
import { MAX_ASSERTION_BYTES, parseAssertion } from '../entra/exchange/assertion.ts';
import { findAssertionFault } from '../entra/exchange/assertion-fault.ts';
import type { EntraSettings, ExchangeMode } from '../entra/settings.ts';
import { isDirect } from '../no-proxy.ts';
import { toRegionalAuthority } from '../regional-authority.ts';
import { proxyOptions } from './options.ts';
import type { ProxyConfig } from './proxy-config.ts';

/** The part of the configuration that an exchange needs. */
export function toEntraSettings(config: ProxyConfig): EntraSettings {
  const { federatedTokenFile, exchangeMode, identityBinding, network } = config;
  const authorityHost = toAuthorityHost(config);
  const viaProxy = network.tokenProxyViaHttpProxy;
  return {
    authorityHost,
    federatedTokenFile,
    mode: exchangeMode,
    tokenProxy: identityBinding && {
      url: identityBinding.url,
      serverName: identityBinding.serverName,
      ca: identityBinding.ca,
      httpProxy: viaProxy ? findHttpProxy(config, identityBinding.url) : undefined,
    },
    httpProxy: findHttpProxy(config, authorityHost),
    exceptions: config.identities
      .filter(({ mode, tokenFile }) => mode !== undefined || tokenFile !== undefined)
      .map(({ clientId, mode, tokenFile }) => ({ clientId, mode, tokenFile })),
  };
}

/** Where Entra is asked: the authority, or its regional one. */
function toAuthorityHost({ authorityHost, regionalAuthority }: ProxyConfig): string {
  if (regionalAuthority === undefined) return authorityHost;
  return toRegionalAuthority(authorityHost, regionalAuthority) ?? authorityHost;
}

/** The URL of the HTTP proxy on the way to `url`, if there is one. */
function findHttpProxy({ network }: ProxyConfig, url: string): string | undefined {
  const { httpsProxy, httpProxy, noProxy } = network;
  return isDirect(url, noProxy) ? undefined : (httpsProxy ?? httpProxy);
}

/** Tokens that are there already and are for somebody else than they would be shown to. */
export function findAudienceRisks(config: ProxyConfig): readonly string[] {
  const { federatedTokenFile, exchangeMode, identities } = config;
  const files: [setting: string, path: string, mode: ExchangeMode][] = [
    [proxyOptions.federatedTokenFile.env, federatedTokenFile, exchangeMode],
  ];
  for (const { clientId, mode = exchangeMode, tokenFile = federatedTokenFile } of identities) {
    const isUsual = mode === exchangeMode && tokenFile === federatedTokenFile;
    if (!isUsual) files.push([`${proxyOptions.identities.env}, ${clientId}`, tokenFile, mode]);
  }
  return files.flatMap(([setting, path, mode]) => {
    const assertion = parseAssertion(readIfPresent(path));
    // Whether it has expired is for the exchange to see: the kubelet may renew it before.
    const fault = assertion && findAssertionFault(assertion, 0, mode, exchangeMode);
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
