import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import type { Exchange } from '../exchange.ts';
import { createEntraExchange } from './entra-exchange.ts';
import type { EntraSettings } from './settings.ts';
import { createUndiciTransport } from './undici-transport.ts';

export interface Entra {
  readonly exchange: Exchange;
  /** Fails what is under way and closes all connections. */
  close(): Promise<void>;
}

/** All that a process needs to exchange tokens. */
export function createEntra(
  deps: { readonly clock: Clock; readonly logger: Logger },
  settings: EntraSettings,
): Entra {
  const transport = createUndiciTransport();
  return {
    exchange: createEntraExchange({ ...deps, transport }, settings),
    close: () => transport.close(),
  };
}
