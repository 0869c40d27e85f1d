import type { Clock } from '../../clock.ts';
import type { Identity } from '../../exchange.ts';
import type { Peer } from '../explain/context.ts';
import type { EntraSettings, ExchangeMode, IdentityException } from '../settings.ts';
import type { Transport } from '../transport/transport.ts';
import { createAssertionReader, type ReadAssertion } from './federated-token.ts';

/** How tokens for an identity are requested: with which assertion, from whom, over which connections. */
export interface Channel {
  readonly peer: Peer;
  readonly transport: Transport;
  readonly readAssertion: ReadAssertion;
}

export interface ChannelDeps {
  readonly clock: Clock;
  /** Leads to Entra. */
  readonly transport: Transport;
  /** Leads to the token proxy, whatever URL it is given. */
  readonly tokenProxyTransport?: Transport | undefined;
  readonly readFile?: ((path: string) => Promise<string>) | undefined;
}

/** The channel of each identity: that of the settings, unless it is an exception. */
export function createChannels(
  { clock, transport, tokenProxyTransport, readFile }: ChannelDeps,
  settings: EntraSettings,
): (identity: Identity) => Channel {
  const { authorityHost, extraCaFile, federatedTokenFile, tokenProxy } = settings;

  const usualMode = settings.mode ?? 'federation';

  const toChannel = (
    mode: ExchangeMode = usualMode,
    path: string = federatedTokenFile,
    setting?: string,
  ): Channel => {
    const readAssertion = createAssertionReader(
      { clock, readFile },
      { path, mode, usualMode, setting },
    );
    if (mode === 'federation') {
      return { peer: { authorityHost, extraCaFile }, transport, readAssertion };
    }
    if (tokenProxy === undefined || tokenProxyTransport === undefined) {
      throw new Error('identity binding is asked for and no token proxy is known');
    }
    const { url, serverName, ca } = tokenProxy;
    const peer = {
      authorityHost,
      tokenProxy: { url, serverName, hasCa: ca.kind !== 'system' },
    };
    return { peer, transport: tokenProxyTransport, readAssertion };
  };

  const usual = toChannel();
  const exceptions = new Map(
    (settings.exceptions ?? []).map(({ clientId, mode, tokenFile }: IdentityException) => {
      const setting =
        tokenFile === undefined ? undefined : `tokenFile of ${clientId} in IMDS_PROXY_IDENTITIES`;
      return [clientId, toChannel(mode, tokenFile, setting)];
    }),
  );
  return ({ clientId }) => exceptions.get(clientId) ?? usual;
}
