import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A server that listens. */
export interface Listener {
  readonly port: number;
  /** Sets what answers requests. */
  handle(handler: RequestListener): void;
  /** Ends the request's connection with a TCP reset, below TLS. */
  reset(request: IncomingMessage): void;
  /** Closes the port and every connection, answered or not. */
  stop(): Promise<void>;
}

/**
 * Starts an HTTP or HTTPS server.
 * @throws Error that says why the port cannot be had, and what to change
 */
export async function listen(
  server: Server,
  { name, host, port }: { readonly name: string; readonly host: string; readonly port: number },
): Promise<Listener> {
  // By the client's port: a request knows its TLS socket, which does not tell the TCP socket below it.
  const sockets = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const key = toKey(socket);
    sockets.set(key, socket);
    socket.on('close', () => sockets.delete(key));
    socket.on('error', () => socket.destroy());
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  await start(server, { name, host, port });
  return {
    port: (server.address() as AddressInfo).port,
    handle(handler) {
      server.on('request', handler);
    },
    reset({ socket }) {
      sockets.get(toKey(socket))?.resetAndDestroy();
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets.values()) socket.destroy();
      await closed;
    },
  };
}

function start(
  server: Server,
  { name, host, port }: { readonly name: string; readonly host: string; readonly port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const remedy =
        error.code === 'EADDRINUSE'
          ? 'the port is taken: stop what listens there, or choose another port (0 for any)'
          : error.message;
      reject(new Error(`the ${name} cannot listen on ${host}:${port}: ${remedy}`));
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function toKey({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
