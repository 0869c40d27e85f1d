import { ProxyError } from '../errors.ts';
import { toRetryAfterMs } from './backoff.ts';

/** Long enough that a crash-looping application does not hammer Entra, short enough to fix by hand and try. */
const REFUSAL_MS = 10_000;
/** No matching federated credential: perhaps it is only still on its way through the directory. */
const PROPAGATION_MS = 5_000;
const OUTAGE_MS = 1_000;
/** For a 429 that names no time: as long as for a refusal. */
const UNTIMED_THROTTLE_MS = 10_000;

const PROPAGATION_AADSTS: ReadonlySet<number> = new Set([70021, 700211, 700212, 700213, 70025]);

/**
 * For how long the failure of an exchange is the answer for its key, without asking Entra again. It never
 * stands in the way of a token that may still be served.
 */
export function toRememberedMs(error: ProxyError): number {
  switch (error.code) {
    case 'ERR_REJECTED':
      return PROPAGATION_AADSTS.has(error.details.aadsts ?? 0) ? PROPAGATION_MS : REFUSAL_MS;
    case 'ERR_THROTTLED':
      return toRetryAfterMs(error) ?? UNTIMED_THROTTLE_MS;
    case 'ERR_SHUTTING_DOWN':
      return 0;
    default:
      return OUTAGE_MS;
  }
}

/**
 * The failure as it is told to somebody who asks again: a throttled caller hears how much of the wait is
 * left, rounded up, so that coming back on time is never too early.
 */
export function toRememberedError(error: ProxyError, remainingMs: number): ProxyError {
  if (error.code !== 'ERR_THROTTLED') return error;
  const retryAfterSeconds = Math.max(1, Math.ceil(remainingMs / 1_000));
  return new ProxyError(error.code, error.message, { ...error.details, retryAfterSeconds });
}
