import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../../shared/logger.ts';
import type { Exposition } from '../metrics/exposition.ts';
import { boundConnections } from './bound-connections.ts';
import { formatReadiness, type Readiness } from './readiness.ts';

export interface AdminServerDeps {
  readonly logger: Logger;
  /** Looks at everything readiness depends on; never rejects. */
  readonly checkReadiness: () => Promise<Readiness>;
  /** Called by the first scrape, and again after it failed: what it loads costs memory. */
  readonly loadExposition: () => Promise<Exposition>;
}

export interface AdminServerOptions {
  /** `::` means every address, IPv4 and IPv6. */
  readonly address: string;
  /** 0 for any that is free. */
  readonly port: number;
}

export interface AdminServer {
  /**
   * @returns the port; undefined if it cannot be had, which is logged and costs the pod its metrics, not
   * its tokens.
   */
  listen(): Promise<number | undefined>;
  /** Ends the listener and all its connections. */
  close(): Promise<void>;
}

/** Kubelet and scrapers come one by one. Other pods can reach the port: this bounds what they can make it hold. */
const maxConnections = 256;

/**
 * Serves health and metrics on a port of its own, which other pods can reach. It knows no way to a token.
 * Nothing is logged per request: probes come every few seconds for as long as the pod lives.
 */
export function createAdminServer(
  deps: AdminServerDeps,
  { address, port }: AdminServerOptions,
): AdminServer {
  const { logger } = deps;
  const answer = createAnswer(deps);
  const server = http.createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 },
    (request, response) => {
      answer(request).then(
        (reply) => send(response, reply),
        (error: unknown) => {
          logger.log('error', 'failed to answer on the admin port', { error: String(error) });
          send(response, { status: 500, body: 'internal error\n' });
        },
      );
    },
  );
  boundConnections(server, maxConnections);

  return {
    listen: () =>
      new Promise((resolve) => {
        const onError = (error: NodeJS.ErrnoException): void => {
          const why = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message;
          logger.log(
            'warning',
            `--admin-port (IMDS_PROXY_ADMIN_PORT): ${port} on ${address} cannot be had: ${why}; health and metrics are not served, set another port, or 0 to do without`,
          );
          resolve(undefined);
        };
        server.once('error', onError);
        // Without an address Node listens on :: and, where there is no IPv6, on 0.0.0.0.
        server.listen({ port, ...(address === '::' ? {} : { host: address }) }, () => {
          server.off('error', onError);
          server.on('error', (error) =>
            logger.log('error', 'admin server failed', { error: error.message }),
          );
          resolve((server.address() as AddressInfo).port);
        });
      }),

    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
  readonly allow?: string;
}

function createAnswer({
  checkReadiness,
  loadExposition,
}: AdminServerDeps): (request: IncomingMessage) => Promise<Reply> {
  let exposition: Promise<Exposition> | undefined;

  const scrape = async (): Promise<Reply> => {
    exposition ??= loadExposition();
    try {
      const { contentType, render } = await exposition;
      return { status: 200, body: await render(), contentType };
    } catch (error) {
      exposition = undefined;
      throw error;
    }
  };

  const isReady = async (isVerbose: boolean): Promise<Reply> => {
    const readiness = await checkReadiness();
    const status = readiness.ready ? 200 : 503;
    const isShort = readiness.ready && !isVerbose;
    return { status, body: isShort ? 'ok' : formatReadiness(readiness) };
  };

  return async ({ method, url = '' }) => {
    const [path, query = ''] = url.split('?', 2);
    const isVerbose = /(?:^|&)verbose(?:[=&]|$)/.test(query);
    if (method !== 'GET' && method !== 'HEAD') {
      return { status: 405, body: 'method not allowed\n', allow: 'GET, HEAD' };
    }
    switch (path) {
      // Alive is whoever can answer: a restart would mend nothing that is wrong elsewhere.
      case '/livez':
        return { status: 200, body: isVerbose ? '[+]ping ok\nlivez check passed\n' : 'ok' };
      // The name that both had before Kubernetes told them apart.
      case '/healthz':
        return { status: 200, body: isVerbose ? '[+]ping ok\nhealthz check passed\n' : 'ok' };
      case '/readyz':
        return isReady(isVerbose);
      case '/metrics':
        return scrape();
      default:
        return {
          status: 404,
          body: 'not found: /livez, /readyz, /healthz and /metrics are here\n',
        };
    }
  };
}

function send(response: ServerResponse, { status, body, contentType, allow }: Reply): void {
  response.writeHead(status, {
    'Content-Type': contentType ?? 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(allow === undefined ? {} : { Allow: allow }),
  });
  response.end(body);
}
