import net from 'node:net';
import type { Clock } from '../clock.ts';

/** Carries the ids of the proxies that a request has passed, separated by commas. */
export const loopHeader = 'X-IMDS-Proxy-Loop';

/** Nothing but this check asks for it, so that it is unmistakable where it is seen. */
const loopCheckTarget = '/imds-proxy/loop-check';

/**
 * Sends one request with our marker and waits for anything to come back, or nothing for `timeoutMs`. If
 * the request reaches our own listener, that is where it is noticed. On a bare socket, because the HTTP
 * client would cost an idle server half a megabyte for this alone.
 */
export function sendMarkedRequest(
  clock: Clock,
  upstream: { readonly host: string; readonly port: number },
  marker: string,
  timeoutMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(upstream);
    const cancel = clock.after(timeoutMs, () => socket.destroy());
    socket.on('connect', () => {
      const lines = [
        `GET ${loopCheckTarget} HTTP/1.1`,
        `Host: ${upstream.host}`,
        'Metadata: true',
        `${loopHeader}: ${marker}`,
        'Connection: close',
      ];
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    });
    socket.on('data', () => socket.destroy());
    // Whatever goes wrong, there is no loop; the socket closes after an error.
    socket.on('error', () => {});
    socket.on('close', () => {
      cancel();
      resolve();
    });
  });
}
