/**
 * Forwards single requests to the real metadata service. Loaded on first use. It returns plain values: an error
 * class in this bundle would differ from the class of the same name in the bundle that loads it.
 */
import http from 'node:http';
import { metadataAddress } from '../../shared/redirect-contract.ts';
import type { Clock } from '../clock.ts';
import { headerValues, toEndToEndHeaders } from './raw-headers.ts';

/** Has the IDs of the proxies that a request has passed, separated by commas. */
const loopHeader = 'X-IMDS-Proxy-Loop';

export interface ForwardRequest {
  /** Path and query, as they go to the upstream. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
}

export interface ForwardLimits {
  readonly connectMs: number;
  /** From the call to the last byte of the answer. */
  readonly totalMs: number;
  /** Aborts when the client has left. */
  readonly signal: AbortSignal;
}

export type ForwardResult =
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** End-to-end headers, names and values in turn. */
      readonly headers: readonly string[];
      readonly body: Buffer;
    }
  /** `phase` is `connect` if the service is not there, `answer` if its answer was not valid. */
  | { readonly kind: 'failed'; readonly phase: 'connect' | 'answer'; readonly reason: string };

export interface Forwarder {
  /** Never rejects. */
  forward(request: ForwardRequest, limits: ForwardLimits): Promise<ForwardResult>;
}

/**
 * The headers of IMDS clients. Only they are forwarded: a header such as X-Original-URL makes some servers
 * answer another request than the one that was checked here.
 */
const forwardedHeaders: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'metadata',
  'user-agent',
  'x-ms-client-request-id',
  'x-ms-return-client-request-id',
]);

/** Attested documents are some 6 KB, instance documents less; a longer answer is not from IMDS. */
export const maxBodyBytes = 1_048_576;

/** @param marker what this process adds to the loop header. */
export function createForwarder(
  { clock }: { readonly clock: Clock },
  upstream: { readonly host: string; readonly port: number },
  marker: string,
): Forwarder {
  return {
    forward: ({ target, rawHeaders }, { connectMs, totalMs, signal }) =>
      new Promise((resolve) => {
        let phase: 'connect' | 'answer' = 'connect';
        const request = http.request({
          host: upstream.host,
          port: upstream.port,
          path: target,
          agent: false,
          headers: toForwardedHeaders(rawHeaders, upstream, marker),
        });

        const settle = (result: ForwardResult): void => {
          cancelConnect();
          cancelTotal();
          signal.removeEventListener('abort', onAbort);
          resolve(result);
          request.destroy();
        };
        const fail = (reason: string): void => settle({ kind: 'failed', phase, reason });
        const onAbort = (): void => fail('the client has gone');

        const cancelConnect = clock.after(connectMs, () =>
          fail(`no connection within ${connectMs} ms`),
        );
        const cancelTotal = clock.after(totalMs, () => fail(`no answer within ${totalMs} ms`));
        signal.addEventListener('abort', onAbort);

        request.on('socket', (socket) => {
          socket.once('connect', () => {
            phase = 'answer';
            cancelConnect();
          });
        });
        request.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
        // Without this listener Node closes the connection without an event.
        request.on('upgrade', (_response, socket) => {
          socket.destroy();
          fail('answered 101');
        });
        request.on('response', (response) => {
          const chunks: Buffer[] = [];
          let length = 0;
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            length += chunk.length;
            if (length > maxBodyBytes) fail(`answer longer than ${maxBodyBytes} bytes`);
          });
          response.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
          response.on('end', () =>
            settle({
              kind: 'answered',
              status: response.statusCode ?? 0,
              headers: toEndToEndHeaders(response.rawHeaders),
              body: Buffer.concat(chunks),
            }),
          );
        });
        request.end();
      }),
  };
}

function toForwardedHeaders(
  rawHeaders: readonly string[],
  upstream: { readonly host: string; readonly port: number },
  marker: string,
): string[] {
  const headers = toEndToEndHeaders(rawHeaders, forwardedHeaders);
  const ids = headerValues(rawHeaders, loopHeader.toLowerCase());
  // The redirect maps the alias port to the service's own port; the service does not know the alias.
  const isPortMeant = upstream.port !== 80 && upstream.host !== metadataAddress;
  const host = isPortMeant ? `${upstream.host}:${upstream.port}` : upstream.host;
  return ['Host', host, ...headers, loopHeader, [...ids, marker].join(',')];
}
