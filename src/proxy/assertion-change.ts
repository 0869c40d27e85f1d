import { toProxyError } from './errors.ts';
import type { Exchange } from './exchange.ts';

/** More than the token files of any pod; the oldest is forgotten first. */
const mostRemembered = 16;

/**
 * The same exchange, telling when it presented an assertion that has not been seen before, as after the
 * kubelet's rotation: what Entra refused for the old one it may grant for the new one. Assertions are told
 * apart by their expiry, which is all that leaves the exchanger of them; a pod may present several in turn,
 * one for each token file.
 */
export function onAssertionChange(exchange: Exchange, changed: () => void): Exchange {
  const expiries = new Set<number>();

  const see = (expiresAtSeconds: number | undefined): void => {
    if (expiresAtSeconds === undefined || expiries.has(expiresAtSeconds)) return;
    const isFirst = expiries.size === 0;
    expiries.add(expiresAtSeconds);
    for (const oldest of expiries) {
      if (expiries.size <= mostRemembered) break;
      expiries.delete(oldest);
    }
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
