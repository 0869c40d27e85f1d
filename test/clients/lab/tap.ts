import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** One request as it went over the wire, and the status of its answer. */
export interface RecordedRequest {
  /** Request line and headers, with the empty line that ends them. */
  readonly bytes: string;
  readonly status: number | undefined;
  /** Milliseconds from its last byte to the first of its answer, as seen before the proxy. */
  readonly answerMs: number | undefined;
}

/** Forwards bytes from the proxy's port to the proxy, and keeps what clients say. */
export interface Tap {
  listen(ports: { readonly port: number; readonly to: number }): Promise<void>;
  /** All requests since the last call. */
  take(): readonly RecordedRequest[];
  close(): Promise<void>;
}

/** What went over one connection, and when each request and each answer did. */
interface Connection {
  sent: string;
  answered: string;
  readonly askedAt: number[];
  readonly answeredAt: number[];
}

const headEnd = '\r\n\r\n';

/** Good for requests without a body, which is what metadata clients send. */
export function createTap(): Tap {
  let connections: Connection[] = [];
  const server = createServer({ allowHalfOpen: true });
  return {
    async listen({ port, to }) {
      server.on('connection', (client) => {
        const record = toConnection();
        const proxy = connect({ host: '127.0.0.1', port: to, allowHalfOpen: true });
        client.on('data', (chunk) => {
          // A connection may live on into the next scenario.
          if (!connections.includes(record)) {
            Object.assign(record, toConnection());
            connections.push(record);
          }
          record.sent += chunk.toString('latin1');
          if (record.sent.endsWith(headEnd)) record.askedAt.push(performance.now());
        });
        proxy.on('data', (chunk) => {
          const text = chunk.toString('latin1');
          record.answered += text;
          if (text.startsWith('HTTP/1.')) record.answeredAt.push(performance.now());
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
      const taken = connections.flatMap(({ sent, answered, askedAt, answeredAt }) => {
        const statuses = [...answered.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) =>
          Number(status),
        );
        return sent
          .split(/(?<=\r\n\r\n)/)
          .filter((bytes) => bytes.endsWith(headEnd))
          .map((bytes, index) => ({
            bytes,
            status: statuses[index],
            answerMs: toAnswerMs(askedAt[index], answeredAt[index]),
          }));
      });
      connections = [];
      return taken;
    },
    async close() {
      server.close();
    },
  };
}

function toConnection(): Connection {
  return { sent: '', answered: '', askedAt: [], answeredAt: [] };
}

function toAnswerMs(
  askedAt: number | undefined,
  answeredAt: number | undefined,
): number | undefined {
  return askedAt === undefined || answeredAt === undefined ? undefined : answeredAt - askedAt;
}
