import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import type { ErrorCode } from '../errors.ts';
import { handleConnectionFaults } from '../http/connection-faults.ts';
import { boundConnections, type ConnectionLimits } from '../http/connections.ts';
import type { Exposition } from '../metrics/exposition.ts';
import { isLocalRequest } from './local-request.ts';
import { formatReadiness, type Readiness } from './readiness.ts';
import { shareRuns } from './shared-run.ts';
import type { StatusPage } from './status-page.ts';

export interface AdminServerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Why the port of the proxy does not answer; undefined if it does. */
  readonly checkLiveness: () => Promise<string | undefined>;
  /** Checks everything that readiness depends on. Never rejects. */
  readonly checkReadiness: () => Promise<Readiness>;
  /** Called by the first scrape, and again if it failed. Not at startup, because the library costs memory. */
  readonly loadExposition: () => Promise<Exposition>;
  /** Renders `/statusz`. */
  readonly renderStatus: () => Promise<StatusPage>;
}

export interface AdminServerOptions {
  /** `::` means every address, IPv4 and IPv6. */
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface AdminServer {
  /**
   * @returns the port. Undefined if it is not available: that is logged, and the pod has tokens but no metrics.
   */
  listen(): Promise<number | undefined>;
  /** Closes the listener and all its connections. */
  close(): Promise<void>;
}

/** The kubelet and scrapers send one request at a time. The limits are for other pods, which can reach the port. */
export const adminConnectionLimits: ConnectionLimits = {
  maxConnections: 256,
  maxUnanswered: 2,
  maxUnansweredInAll: 64,
  maxUnreadBytes: 4 * 1_048_576,
  unreadMs: 10_000,
  endMs: 10_000,
};

/** Time between two runs of the same work, however many clients ask, so that token requests do not wait. */
export const adminPauseMs = 100;

/**
 * Serves health and metrics on a separate port, which other pods can reach. It has no access to tokens.
 * Requests are not logged, because probes come every few seconds.
 */
export function createAdminServer(
  deps: AdminServerDeps,
  { address, port }: AdminServerOptions,
): AdminServer {
  const { clock, logger } = deps;
  const answer = createAnswer(deps);
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (!connections.admit(request.socket, response, clock.monotonicMs())) return;
    connections.expect(request.socket, response);
    answer(request).then(
      (reply) => send(response, reply),
      (error: unknown) => {
        logger.log('error', 'failed to answer on the admin port', { error: String(error) });
        send(response, { status: 500, body: 'internal error\n' });
      },
    );
  };
  const server = http.createServer(
    {
      requestTimeout: 10_000,
      headersTimeout: 5_000,
      keepAliveTimeout: 5_000,
      // Whatever node:http answers itself is in no count, and a client can send thousands at once.
      requireHostHeader: false,
    },
    onRequest,
  );
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  const connections = boundConnections(server, { clock }, adminConnectionLimits);
  handleConnectionFaults(server, { connections, toReply: toLastReply });

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
        connections.destroyAll();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly contentType?: string;
  readonly allow?: string;
}

function createAnswer({
  clock,
  checkLiveness,
  checkReadiness,
  loadExposition,
  renderStatus,
}: AdminServerDeps): (request: IncomingMessage) => Promise<Answer> {
  let exposition: Promise<Exposition> | undefined;

  const scrape = shareRuns(clock, adminPauseMs, async (): Promise<Answer> => {
    exposition ??= loadExposition();
    try {
      const { contentType, render } = await exposition;
      // All answers share these bytes. Each would copy a string.
      return { status: 200, body: Buffer.from(await render()), contentType };
    } catch (error) {
      exposition = undefined;
      throw error;
    }
  });
  const liveness = shareRuns(clock, adminPauseMs, checkLiveness);
  const readiness = shareRuns(clock, adminPauseMs, checkReadiness);
  const status = shareRuns(clock, adminPauseMs, renderStatus);
  /** Other answers cost no work, but their rate must be limited as well. */
  const turn = shareRuns(clock, adminPauseMs, async () => {});

  const isAlive = async (name: string, isVerbose: boolean): Promise<Answer> => {
    const fault = await liveness();
    if (fault !== undefined) {
      const body = `[-]proxy-port failed: ${fault}\n${name} check failed\n`;
      return { status: 503, body };
    }
    return { status: 200, body: isVerbose ? `[+]proxy-port ok\n${name} check passed\n` : 'ok' };
  };

  const isReady = async (isVerbose: boolean): Promise<Answer> => {
    const state = await readiness();
    const isShort = state.ready && !isVerbose;
    return { status: state.ready ? 200 : 503, body: isShort ? 'ok' : formatReadiness(state) };
  };

  const refuse = async (answer: Answer): Promise<Answer> => {
    await turn();
    return answer;
  };

  return async (request) => {
    const { method, url = '', httpVersionMajor, httpVersionMinor, headers } = request;
    const [path, query = ''] = url.split('?', 2);
    const isVerbose = /(?:^|&)verbose(?:[=&]|$)/.test(query);
    const wantsJson = /(?:^|&)output=json(?:&|$)/.test(query);
    if (httpVersionMajor !== 1) {
      return refuse({ status: 505, body: 'HTTP version not supported: use HTTP/1.1\n' });
    }
    // RFC 9112 §3.2.
    if (httpVersionMinor > 0 && headers.host === undefined) {
      return refuse({ status: 400, body: 'header Host is missing\n' });
    }
    if (method !== 'GET' && method !== 'HEAD') {
      return refuse({ status: 405, body: 'method not allowed\n', allow: 'GET, HEAD' });
    }
    switch (path) {
      case '/livez':
        return isAlive('livez', isVerbose);
      // The older name, from before Kubernetes separated liveness and readiness.
      case '/healthz':
        return isAlive('healthz', isVerbose);
      case '/readyz':
        return isReady(isVerbose);
      case '/metrics':
        return scrape();
      case '/statusz':
        // It names identities and resources, which are nobody's business outside of the pod.
        if (!isLocalRequest(request)) return refuse(notLocal);
        return wantsJson
          ? { status: 200, body: (await status()).json, contentType: 'application/json' }
          : { status: 200, body: (await status()).text };
      default:
        return refuse({
          status: 404,
          body: 'not found: /livez, /readyz, /healthz, /metrics and /statusz are here\n',
        });
    }
  };
}

const notLocal: Answer = {
  status: 403,
  body: 'only from inside the pod: kubectl port-forward POD 9808, then curl http://127.0.0.1:9808/statusz\n',
};

function send(response: ServerResponse, { status, body, contentType, allow }: Answer): void {
  response.writeHead(status, {
    'Content-Type': contentType ?? 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(allow === undefined ? {} : { Allow: allow }),
  });
  response.end(body);
}

/** The answer to bytes that are not a request. The connection ends after it. */
function toLastReply(code: ErrorCode): string {
  const [status, body] =
    code === 'ERR_METHOD'
      ? ['405 Method Not Allowed', 'method not allowed\n']
      : code === 'ERR_HTTP_TIMEOUT'
        ? ['408 Request Timeout', 'the request did not arrive in time\n']
        : code === 'ERR_HTTP_HEADERS'
          ? ['431 Request Header Fields Too Large', 'the headers are too long\n']
          : ['400 Bad Request', 'not a valid HTTP/1.1 request\n'];
  return `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
}
