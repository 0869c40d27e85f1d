import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import type { Exchange } from '../exchange.ts';
import { createEntraExchange } from './exchange/exchange.ts';
import type { EntraSettings, TokenProxySettings } from './settings.ts';
import { createExtraCaReader, createTokenProxyCaReader, type ReadCa } from './transport/ca-file.ts';
import { toTokenProxyUrl } from './transport/transport.ts';
import { createUndiciTransport, type UndiciTransport } from './transport/undici-transport.ts';

export interface Entra {
  readonly exchange: Exchange;
  /** Fails the exchanges under way and closes all connections. */
  close(): Promise<void>;
}

export interface EntraDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The token proxy's CA as `rememberCa` was told last, by whichever process. */
  readonly lastGoodCaPem?: string | undefined;
  readonly rememberCa?: ((pem: string) => void) | undefined;
}

/** Builds the exchange and the connections that it uses. */
export function createEntra(deps: EntraDeps, settings: EntraSettings): Entra {
  const { clock, logger } = deps;
  const readExtraCa =
    settings.extraCaFile === undefined
      ? undefined
      : createExtraCaReader({ clock, logger }, settings.extraCaFile);
  const transport = createUndiciTransport({
    readCa: readExtraCa,
    proxyHasSameCa: true,
    httpProxy: settings.httpProxy,
  });
  const { tokenProxy } = settings;
  const tokenProxyTransport =
    tokenProxy === undefined ? undefined : createTokenProxyTransport(deps, tokenProxy, readExtraCa);
  return {
    exchange: createEntraExchange(
      {
        clock,
        logger,
        transport,
        ...(tokenProxyTransport === undefined ? {} : { tokenProxyTransport }),
      },
      settings,
    ),
    async close() {
      await Promise.all([transport.close(), tokenProxyTransport?.close()]);
    },
  };
}

function createTokenProxyTransport(
  deps: EntraDeps,
  settings: TokenProxySettings,
  readExtraCa: ReadCa | undefined,
): UndiciTransport {
  const { url, serverName, httpProxy, ca } = settings;
  const { clock, logger, lastGoodCaPem, rememberCa } = deps;
  const caDeps = { clock, logger, lastGoodPem: lastGoodCaPem, remember: rememberCa };
  const { post, close } = createUndiciTransport({
    readCa: createTokenProxyCaReader(caDeps, ca) ?? readExtraCa,
    serverName,
    httpProxy,
  });
  return {
    post: (requestUrl, ...rest) => post(toTokenProxyUrl(url, requestUrl), ...rest),
    close,
  };
}
