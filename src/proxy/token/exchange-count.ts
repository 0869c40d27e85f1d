import type { ProxyError } from '../errors.ts';
import type { IssuedToken } from '../exchange.ts';
import { type Metrics, toExchangeFailure } from '../metrics/metrics.ts';

/** Counts how exchanges end, and what they tell of the assertion that was presented. */
export interface ExchangeCount {
  issued(token: IssuedToken, durationMs: number): void;
  failed(error: ProxyError, durationMs: number): void;
}

export function createExchangeCount(metrics: Metrics): ExchangeCount {
  const seen = (expiresAtSeconds: number | undefined): void => {
    if (expiresAtSeconds !== undefined) metrics.assertionSeen(expiresAtSeconds);
  };
  return {
    issued(token, durationMs) {
      metrics.exchange('success', durationMs);
      seen(token.assertionExpiresAtSeconds);
    },
    failed({ code, details }, durationMs) {
      metrics.exchange(toExchangeFailure(code), durationMs, details.aadsts);
      seen(details.assertionExpiresAtSeconds);
      // An assertion whose expiry is known has been read: it is only of no use any longer.
      if (code === 'ERR_ASSERTION' && details.assertionExpiresAtSeconds === undefined) {
        metrics.assertionReadError();
      }
    },
  };
}
