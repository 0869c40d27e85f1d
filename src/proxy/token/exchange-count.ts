import type { ErrorCode, ProxyError } from '../errors.ts';
import type { IssuedToken } from '../exchange.ts';
import type { ExchangeResult, Metrics } from '../metrics/metrics.ts';

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
      metrics.exchange(toExchangeResult(code), durationMs);
      seen(details.assertionExpiresAtSeconds);
      // An assertion whose expiry is known has been read: it is only of no use any longer.
      if (code === 'ERR_ASSERTION' && details.assertionExpiresAtSeconds === undefined) {
        metrics.assertionReadError();
      }
    },
  };
}

/** How a failed exchange is counted. */
export function toExchangeResult(code: ErrorCode): ExchangeResult {
  switch (code) {
    case 'ERR_REJECTED':
      return 'rejected';
    case 'ERR_THROTTLED':
      return 'throttled';
    case 'ERR_UNAVAILABLE':
      return 'unavailable';
    case 'ERR_TIMEOUT':
      return 'timeout';
    case 'ERR_ASSERTION':
      return 'assertion_error';
    default:
      return 'internal_error';
  }
}
