import { toProxyError } from './errors.ts';
import type { Exchange } from './exchange.ts';

/**
 * The same exchange, telling when it presented another assertion than the one before, as after the
 * kubelet's rotation: what Entra refused for the old one it may grant for the new one. Assertions are told
 * apart by their expiry, which is all that leaves the exchanger of them.
 */
export function onAssertionChange(exchange: Exchange, changed: () => void): Exchange {
  let lastExpiresAtSeconds: number | undefined;

  const see = (expiresAtSeconds: number | undefined): void => {
    if (expiresAtSeconds === undefined || expiresAtSeconds === lastExpiresAtSeconds) return;
    const isFirst = lastExpiresAtSeconds === undefined;
    lastExpiresAtSeconds = expiresAtSeconds;
    if (!isFirst) changed();
  };

  return async (request, signal) => {
    try {
      const token = await exchange(request, signal);
      see(token.assertionExpiresAtSeconds);
      return token;
    } catch (thrown) {
      see(toProxyError(thrown).details.assertionExpiresAtSeconds);
      throw thrown;
    }
  };
}
