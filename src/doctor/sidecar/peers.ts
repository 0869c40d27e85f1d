import type { Clock } from '../../proxy/clock.ts';
import { toEntraSettings } from '../../proxy/config/exchange-settings.ts';
import { isDirect } from '../../proxy/config/no-proxy.ts';
import type { ProxyConfig } from '../../proxy/config/proxy-config.ts';
import type { Peer } from '../../proxy/entra/explain/context.ts';
import type { ExchangeMode, TokenProxyPeer } from '../../proxy/entra/settings.ts';
import {
  createExtraCaReader,
  createTokenProxyCaReader,
} from '../../proxy/entra/transport/ca-file.ts';
import type { Logger } from '../../shared/logger.ts';
import { once } from '../network/once.ts';
import { type AnswerFacts, createPeerPath, type PeerPath } from '../network/peer-path.ts';

/** A server that the proxy gets tokens from. */
export interface ExaminedPeer {
  /** Begins the ids of its checks. */
  readonly id: 'entra' | 'token-proxy';
  readonly url: string;
  /** Host and port of the HTTP proxy on the way; undefined for a direct connection. */
  readonly via: string | undefined;
  /** Why the connection is direct or not. */
  readonly because: string;
  /** Where the CAs come from that vouch for it, for people. */
  readonly trust: { readonly description: string; readonly file: string | undefined };
  /** For the proxy's own words on a fault. */
  readonly asPeer: Peer;
  readonly path: PeerPath;
  /** The answer to one harmless request, made once. @throws an error with a `code` */
  readonly answer: () => Promise<AnswerFacts>;
}

/** The peers that the configured identities need. */
export function listPeers(clock: Clock, config: ProxyConfig): readonly ExaminedPeer[] {
  const modes = new Set([
    config.exchangeMode,
    ...config.identities.map(({ mode }) => mode ?? config.exchangeMode),
  ]);
  return [...modes]
    .toSorted()
    .reverse()
    .map((mode) => toPeer(clock, config, mode));
}

function toPeer(clock: Clock, config: ProxyConfig, mode: ExchangeMode): ExaminedPeer {
  const settings = toEntraSettings(config);
  const { authorityHost, extraCaFile, tokenProxy } = settings;
  const readExtraCa =
    extraCaFile === undefined
      ? undefined
      : createExtraCaReader({ clock, logger: silentLogger }, extraCaFile);
  const extraTrust = {
    description:
      extraCaFile === undefined
        ? 'the public CAs'
        : 'the public CAs and the file of NODE_EXTRA_CA_CERTS or SSL_CERT_FILE',
    file: extraCaFile,
  };
  if (mode === 'federation' || tokenProxy === undefined) {
    const { httpProxy } = settings;
    const path = createPeerPath({ clock }, { url: authorityHost, httpProxy, readCa: readExtraCa });
    const document = `/${encodeURIComponent(config.tenantId)}/v2.0/.well-known/openid-configuration`;
    return {
      id: 'entra',
      url: authorityHost,
      via: toHost(httpProxy),
      because: explainRoute(config, authorityHost),
      trust: extraTrust,
      asPeer: { authorityHost, extraCaFile },
      path,
      answer: once(() => path.answer(document)),
    };
  }
  const { url, serverName, httpProxy, ca } = tokenProxy;
  const readCa = createTokenProxyCaReader({ clock, logger: silentLogger }, ca) ?? readExtraCa;
  const path = createPeerPath({ clock }, { url, serverName, httpProxy, readCa });
  return {
    id: 'token-proxy',
    url,
    via: toHost(httpProxy),
    because: config.tokenProxyViaHttpProxy
      ? explainRoute(config, url)
      : 'IMDS_PROXY_TOKEN_PROXY_VIA_HTTP_PROXY is false',
    trust: describeTokenProxyTrust(ca) ?? extraTrust,
    asPeer: { authorityHost, tokenProxy: { url, serverName, hasCa: ca.kind !== 'system' } },
    path,
    answer: once(() => path.answer('/')),
  };
}

function describeTokenProxyTrust(ca: TokenProxyPeer['ca']): ExaminedPeer['trust'] | undefined {
  switch (ca.kind) {
    case 'system':
      return undefined;
    case 'file':
      return { description: 'AZURE_KUBERNETES_CA_FILE alone', file: ca.path };
    case 'data':
      return { description: 'AZURE_KUBERNETES_CA_DATA alone', file: undefined };
  }
}

/** Why requests to `url` go through the HTTP proxy, or do not. */
export function explainRoute(
  { httpsProxy, httpProxy, noProxy }: Pick<ProxyConfig, 'httpsProxy' | 'httpProxy' | 'noProxy'>,
  url: string,
): string {
  const setting = httpsProxy !== undefined ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  if (httpsProxy === undefined && httpProxy === undefined) return 'HTTPS_PROXY is not set';
  if (!isDirect(url, noProxy)) return `${setting} is set, and NO_PROXY does not match`;
  return isDirect(url, undefined) ? 'loopback is always reached directly' : 'NO_PROXY matches';
}

function toHost(url: string | undefined): string | undefined {
  return url === undefined ? undefined : new URL(url).host;
}

const silentLogger: Logger = { isEnabled: () => false, log() {} };
