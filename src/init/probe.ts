import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';

/** Any port does where nothing is sent. */
const discardPort = 9;

/** How a connection went; `text` is all that the other end said before it closed. */
export type Attempt =
  | { readonly kind: 'answered'; readonly text: string }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'timeout' };

/** Connects, says nothing and listens until the other end closes or has said `enough` characters. */
export function attemptConnection(
  address: string,
  port: number,
  enough: number,
  deadlineMs: number,
): Promise<Attempt> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: address, port });
    const finish = (attempt: Attempt): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(attempt);
    };
    const timer = setTimeout(() => finish({ kind: 'timeout' }), deadlineMs);
    const finishIfEnough = (): void => {
      if (text.length >= enough) finish({ kind: 'answered', text });
    };
    socket.setEncoding('utf8');
    socket.once('connect', finishIfEnough);
    socket.on('data', (chunk: string) => {
      text += chunk;
      finishIfEnough();
    });
    socket.once('end', () => finish({ kind: 'answered', text }));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      finish({ kind: 'refused', code: error.code ?? error.message });
    });
  });
}

/**
 * Listens on a port of 127.0.0.1 and tells everyone who connects the nonce.
 * @returns a function that stops it, and leaves nothing behind that keeps this process alive; undefined
 * where the port cannot be had, as when the proxy is up
 */
export function serveNonce(port: number, nonce: string): Promise<(() => void) | undefined> {
  return new Promise((resolve) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => {});
      socket.end(nonce);
    });
    const stop = (): void => {
      server.close();
      // Anybody in the namespace may have connected, and need never close.
      for (const socket of sockets) socket.destroy();
    };
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(stop));
  });
}

/**
 * Whether the kernel has a route to an address. Connecting a UDP socket looks one up and sends nothing,
 * so that a failure cannot come from anywhere else.
 */
export function hasRoute(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    // The declaration does not know that the callback gets the error, and that there is no event then.
    const finish = (error?: Error): void => {
      socket.close();
      resolve(error === undefined);
    };
    socket.connect(discardPort, address, finish);
  });
}
