import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** One request as it went over the wire, and the status of its answer. */
export interface RecordedRequest {
  /** Request line and headers, with the empty line that ends them. */
  readonly bytes: string;
  readonly status: number | undefined;
}

/** Forwards bytes from the proxy's port to the proxy, and keeps what clients say. */
export interface Tap {
  listen(ports: { readonly port: number; readonly to: number }): Promise<void>;
  /** All requests since the last call. */
  take(): readonly RecordedRequest[];
  close(): Promise<void>;
}

/** Good for requests without a body, which is what metadata clients send. */
export function createTap(): Tap {
  let connections: { sent: string; answered: string }[] = [];
  const server = createServer({ allowHalfOpen: true });
  return {
    async listen({ port, to }) {
      server.on('connection', (client) => {
        const record = { sent: '', answered: '' };
        const proxy = connect({ host: '127.0.0.1', port: to, allowHalfOpen: true });
        client.on('data', (chunk) => {
          // A connection may live on into the next scenario.
          if (!connections.includes(record)) {
            Object.assign(record, { sent: '', answered: '' });
            connections.push(record);
          }
          record.sent += chunk.toString('latin1');
        });
        proxy.on('data', (chunk) => {
          record.answered += chunk.toString('latin1');
        });
        client.pipe(proxy).pipe(client);
        for (const socket of [client, proxy]) {
          socket.on('error', () => {
            client.destroy();
            proxy.destroy();
          });
        }
      });
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    take() {
      const taken = connections.flatMap(({ sent, answered }) => {
        const statuses = [...answered.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) =>
          Number(status),
        );
        return sent
          .split(/(?<=\r\n\r\n)/)
          .filter((bytes) => bytes.endsWith('\r\n\r\n'))
          .map((bytes, index) => ({ bytes, status: statuses[index] }));
      });
      connections = [];
      return taken;
    },
    async close() {
      server.close();
    },
  };
}
