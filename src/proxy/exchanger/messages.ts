import type { LogLevel } from '../../shared/logger.ts';
import type { EntraSettings } from '../entra/settings.ts';
import type { ErrorCode, ErrorDetails } from '../errors.ts';
import type { ExchangeRequest, IssuedToken } from '../exchange.ts';

/** From the server to the exchanger. `configure` comes first and once. */
export type Command =
  | {
      readonly type: 'configure';
      readonly settings: EntraSettings;
      readonly logLevel: LogLevel;
      /** What an earlier exchanger reported, or the server found good at its start. */
      readonly lastGoodCaPem?: string | undefined;
    }
  | { readonly type: 'exchange'; readonly id: number; readonly request: ExchangeRequest }
  | { readonly type: 'cancel'; readonly id: number };

/** From the exchanger to the server. */
export type Report =
  | Reply
  /** The token proxy's CA as it was last found good: an exchanger that leaves forgets it. */
  | { readonly type: 'good-ca'; readonly pem: string };

/** Exactly one for each exchange that was not cancelled. */
export type Reply =
  | { readonly type: 'issued'; readonly id: number; readonly token: IssuedToken }
  | { readonly type: 'failed'; readonly id: number; readonly error: SerializedError };

/** A ProxyError as JSON carries it; its cause stays in the exchanger's log. */
export interface SerializedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}
