/**
 * Entry of the bundle that holds the exchange: MSAL, undici and all that only they need. The server loads it
 * from a separate file after it listens (`load-exchange.ts`). The bundle has its own copy of every module,
 * so no instance of a class may cross from one side to the other: what leaves is plain.
 */

import { systemClock } from '../clock.ts';
import { type ErrorCode, type ErrorDetails, toProxyError } from '../errors.ts';
import type { ExchangeRequest, IssuedToken } from '../exchange.ts';
import { createEntra, type EntraDeps } from './entra.ts';
import type { EntraSettings } from './settings.ts';
import { type MadeUpPod, warmUpExchange } from './warm-up.ts';

/** What an exchange came to, without any instance of a class. */
export type Outcome =
  | { readonly kind: 'issued'; readonly token: IssuedToken }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: ErrorDetails;
    };

/** The exchange as the server holds it. */
export interface ExchangeBundle {
  /** Performs one exchange, as `Exchange` does; never rejects. */
  perform(request: ExchangeRequest, signal: AbortSignal): Promise<Outcome>;
  /** Fails the exchanges under way and closes all connections. */
  close(): Promise<void>;
}

/** Runs the code of every exchange once, before the build takes the V8 code cache. For the build only. */
export async function warmUp(pod: MadeUpPod): Promise<void> {
  const { close } = openExchange(
    { clock: systemClock, logger: { isEnabled: () => false, log() {} } },
    {
      authorityHost: 'https://warm-up.invalid',
      federatedTokenFile: pod.tokenFile,
      extraCaFile: pod.caFile,
    },
  );
  await warmUpExchange(pod);
  await close();
}

/** Builds the exchange. Opens no connection and reads no file. */
export function openExchange(deps: EntraDeps, settings: EntraSettings): ExchangeBundle {
  const { exchange, close } = createEntra(deps, settings);
  return {
    async perform(request, signal) {
      try {
        return { kind: 'issued', token: await exchange(request, signal) };
      } catch (thrown) {
        const { code, message, details } = toProxyError(thrown);
        return { kind: 'failed', code, message, details };
      }
    },
    close,
  };
}
