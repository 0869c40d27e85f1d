import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** No document that the doctor reads is longer. The rest of a longer one is not read. */
export const maxAnswerBytes = 256 * 1_024;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** At most 256 KiB. */
  readonly text: string;
}

export interface GetOptions {
  /** A connection that stands, with TLS if there is any. It is destroyed afterwards. */
  readonly socket: Duplex;
  /** With the port unless that is the scheme's own. */
  readonly host: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly timeoutMs: number;
}

/**
 * Sends one GET, without redirects.
 * @throws an error with a `code`: Node's, or ETIMEDOUT if the answer is not complete in time
 */
export function getOver({
  socket,
  host,
  path,
  headers,
  timeoutMs,
}: GetOptions): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      asking.destroy();
      socket.destroy();
      act();
    };
    const asking = request({
      path,
      headers: { host, connection: 'close', ...headers },
      createConnection: () => socket,
    });
    const timer = setTimeout(() => settle(() => reject(timedOut())), timeoutMs);
    asking.on('error', (error) => settle(() => reject(error)));
    asking.on('response', (response) => {
      readText(response).then(
        (text) =>
          settle(() =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
          ),
        (error: unknown) => settle(() => reject(error)),
      );
    });
    asking.end();
  });
}

/** The same over plain TCP, for a port of this machine. */
export function getFrom(
  { address, port }: { readonly address: string; readonly port: number },
  path: string,
  { headers, timeoutMs }: Pick<GetOptions, 'headers' | 'timeoutMs'>,
): Promise<HttpAnswer> {
  const socket = connect({ host: address, port });
  const host = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return getOver({ socket, host, path, headers, timeoutMs });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= maxAnswerBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, Math.min(length, maxAnswerBytes));
}

function timedOut(): NodeJS.ErrnoException {
  return Object.assign(new Error('no complete answer in time'), { code: 'ETIMEDOUT' });
}
