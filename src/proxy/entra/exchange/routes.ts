import type { Clock } from '../../clock.ts';
import type { Identity } from '../../exchange.ts';
import type { EntraSettings, ExchangeMode, IdentityException } from '../settings.ts';
import type { Transport } from '../transport/transport.ts';
import type { Endpoint } from './endpoint.ts';
import { createAssertionReader, type ReadAssertion } from './federated-token.ts';

/** How tokens for an identity are come by: what is presented, to whom, on which way. */
export interface Route {
  readonly endpoint: Endpoint;
  readonly transport: Transport;
  readonly readAssertion: ReadAssertion;
}

export interface RouteDeps {
  readonly clock: Clock;
  /** Leads to Entra. */
  readonly transport: Transport;
  /** Leads to the token proxy, whatever URL it is given. */
  readonly tokenProxyTransport?: Transport | undefined;
  readonly readFile?: ((path: string) => Promise<string>) | undefined;
}

/** The route of each identity: that of the settings, unless it is an exception. */
export function createRoutes(
  { clock, transport, tokenProxyTransport, readFile }: RouteDeps,
  settings: EntraSettings,
): (identity: Identity) => Route {
  const { authorityHost, extraCaFile, federatedTokenFile, tokenProxy } = settings;

  const usualMode = settings.mode ?? 'federation';

  const toRoute = (
    mode: ExchangeMode = usualMode,
    path: string = federatedTokenFile,
    setting?: string,
  ): Route => {
    const readAssertion = createAssertionReader(
      { clock, readFile },
      { path, mode, usualMode, setting },
    );
    if (mode === 'federation') {
      return { endpoint: { authorityHost, extraCaFile }, transport, readAssertion };
    }
    if (tokenProxy === undefined || tokenProxyTransport === undefined) {
      throw new Error('identity binding is asked for and no token proxy is known');
    }
    const { url, serverName, ca } = tokenProxy;
    const endpoint = {
      authorityHost,
      tokenProxy: { url, serverName, hasCa: ca.kind !== 'system' },
    };
    return { endpoint, transport: tokenProxyTransport, readAssertion };
  };

  const usual = toRoute();
  const exceptions = new Map(
    (settings.exceptions ?? []).map(({ clientId, mode, tokenFile }: IdentityException) => {
      const setting =
        tokenFile === undefined ? undefined : `tokenFile of ${clientId} in IMDS_PROXY_IDENTITIES`;
      return [clientId.toLowerCase(), toRoute(mode, tokenFile, setting)];
    }),
  );
  return ({ clientId }) => exceptions.get(clientId.toLowerCase()) ?? usual;
}
