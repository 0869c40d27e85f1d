import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { IdentityPolicy } from '../protocol/identity.ts';
import type { TokenSource } from '../token/token-source.ts';
import { createAppServiceHandler } from './app-service-handler.ts';
import { handleConnectionFaults } from './connection-faults.ts';
import { boundConnections, type ConnectionLimits } from './connections.ts';
import { createFail } from './failure.ts';
import { createGuard, type Refusal } from './guard.ts';
import type { PassThroughGate } from './pass-through-gate.ts';
import { createRequestIds, toRawReply } from './reply.ts';
import { createFailureLog } from './request-log.ts';
import { createRouter } from './router.ts';
import { createTokenHandler } from './token-handler.ts';

export interface DataServerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly source: TokenSource;
  readonly policy: IdentityPolicy;
  readonly passThrough: PassThroughGate;
}

export interface DataServerOptions {
  /** 0: any free port. */
  readonly port: number;
  /** The address to bind; 127.0.0.1 unless the container shares its network on purpose. */
  readonly host?: string | undefined;
  /** Names to accept in `Host` beside the metadata service's own and loopback's, without port. */
  readonly extraHosts?: readonly string[] | undefined;
  /** The secret of App Service's path. Undefined: the path is not served. */
  readonly identityHeader?: string | undefined;
  /** How many requests may wait for an exchange. The next one gets 429 with `Retry-After: 1`. */
  readonly maxWaiting?: number | undefined;
  readonly arrival?: ArrivalLimits | undefined;
}

/** How long a request may take to arrive, in milliseconds. */
export interface ArrivalLimits {
  readonly headersMs: number;
  /** Headers and body. */
  readonly requestMs: number;
  /** Time between two checks for slow requests. Each check wakes up an idle process. */
  readonly checkMs: number;
}

export interface DataServer {
  /** @throws the system's error, such as EADDRINUSE, if it cannot listen. */
  listen(): Promise<{ readonly port: number }>;
  /** Requests that wait for an exchange or for the metadata service. */
  readonly inFlight: number;
  /** When the last request other than `/readyz` came, on the monotonic clock. Undefined: none yet. */
  readonly lastRequestAtMs: number | undefined;
  /**
   * Stops listening, closes idle connections, and closes the others after their answers. A request that arrives
   * meanwhile is answered from memory, or with 503 if it would need an exchange.
   * @returns when the last connection is closed.
   */
  close(): Promise<void>;
  /** Destroys every connection. */
  destroyConnections(): void;
}

/**
 * A waiting request takes about 20 KB of memory, 7 KB of them on the heap: with a heap of 40 MB, 5,000 of
 * them ended the process. 2,000 beside a thousand idle connections leave 16 MB of it free. The
 * containers of a pod send far fewer.
 */
export const defaultMaxWaiting = 2_000;

/**
 * An IMDS client waits for each answer. `endMs` and `unreadMs` leave room for the longest exchange.
 */
export const dataConnectionLimits: ConnectionLimits = {
  maxConnections: 2_500,
  maxUnanswered: 8,
  maxUnansweredInAll: 512,
  maxUnreadBytes: 16 * 1_048_576,
  unreadMs: 30_000,
  endMs: 35_000,
};

/** The log says at most this often that connections were closed to make room. */
const crowdedLogMs = 60_000;

/**
 * The longest idle time of a connection. Longer than the idle pools of .NET (60 s) and Go (90 s), so
 * that the client closes the connection and never sends into one that was just closed.
 */
const keepAliveMs = 120_000;
export const defaultArrival: ArrivalLimits = {
  headersMs: 5_000,
  requestMs: 10_000,
  checkMs: 10_000,
};
/** Request line and headers together. */
export const maxHeaderBytes = 12_288;

/**
 * Connections that may wait to be accepted. Node's default is 511: from a burst of a thousand callers the rest
 * are dropped, and retry after a second.
 */
const backlog = 4_096;

/** Creates the server that answers like IMDS. It owns only its listener and connections. */
export function createDataServer(deps: DataServerDeps, options: DataServerOptions): DataServer {
  const { clock, logger, metrics } = deps;
  const { headersMs, requestMs, checkMs } = options.arrival ?? defaultArrival;
  const nextRequestId = createRequestIds();
  const guard = createGuard(options.extraHosts);
  const tokens = createTokenHandler(
    { ...deps, nextRequestId },
    { maxWaiting: options.maxWaiting ?? defaultMaxWaiting },
  );
  const { identityHeader } = options;
  const appService =
    identityHeader === undefined ? undefined : createAppServiceHandler({ tokens, identityHeader });
  const failures = createFailureLog(deps);
  const fail = createFail({ ...deps, failures });
  const router = createRouter({ ...deps, tokens, appService, nextRequestId, fail });
  let lastRequestAtMs: number | undefined;
  let closing = false;

  const answerFromMemory = (
    request: IncomingMessage,
    response: ServerResponse,
    startedAtMs: number,
    verdict: Refusal | undefined,
  ): boolean => {
    try {
      return (
        verdict === undefined &&
        request.method === 'GET' &&
        tokens.answerFromMemory(request, response, startedAtMs)
      );
    } catch {
      // The router meets the same fault, answers it and logs it.
      return false;
    }
  };

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const startedAtMs = clock.monotonicMs();
    if (!connections.admit(request.socket, response, startedAtMs)) return;
    metrics.requestStarted();
    if (closing) response.shouldKeepAlive = false;
    const verdict = guard(request);
    if (answerFromMemory(request, response, startedAtMs, verdict)) {
      lastRequestAtMs = startedAtMs;
      return;
    }
    connections.expect(request.socket, response);
    const route = router.route(request, response, startedAtMs, verdict);
    if (route !== 'readyz') lastRequestAtMs = startedAtMs;
  };

  const server = http.createServer(
    {
      keepAliveTimeout: keepAliveMs,
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: checkMs,
      maxHeaderSize: maxHeaderBytes,
      // Almost no request has a body, and its streams are a noticeable part of a cached answer's cost.
      optimizeEmptyRequests: true,
      // The guard checks it, and its refusal has a body.
      requireHostHeader: false,
    },
    onRequest,
  );
  // An expectation is about a body, and a GET has none. RFC 9110 §10.1.1 allows ignoring the others.
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  // Undocumented. Without it, a client that closes its side after the request, as some versions of nc do,
  // gets no answer if the answer takes a while.
  Object.assign(server, { httpAllowHalfOpen: true });
  let crowdedLoggedAtMs = Number.NEGATIVE_INFINITY;
  const onCrowded = (): void => {
    const nowMs = clock.monotonicMs();
    if (nowMs - crowdedLoggedAtMs < crowdedLogMs) return;
    crowdedLoggedAtMs = nowMs;
    const { maxConnections } = dataConnectionLimits;
    logger.log('warning', 'idle connections are closed: too many are open', {
      connections: maxConnections,
    });
  };
  const connections = boundConnections(server, { clock, onCrowded }, dataConnectionLimits);
  handleConnectionFaults(server, {
    logger,
    connections,
    toReply: (code) => toRawReply(code, nextRequestId(), new Date(clock.epochMs())),
  });

  return {
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        const { port, host = '127.0.0.1' } = options;
        server.listen({ port, host, backlog }, () => {
          server.off('error', reject);
          server.on('error', (error) =>
            logger.log('error', 'data server failed', { error: error.message }),
          );
          resolve({ port: (server.address() as AddressInfo).port });
        });
      }),

    get inFlight() {
      return router.inFlight;
    },

    get lastRequestAtMs() {
      return lastRequestAtMs;
    },

    close() {
      closing = true;
      tokens.stopWaiting();
      failures.flush();
      connections.endAfterAnswers();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },

    destroyConnections() {
      connections.destroyAll();
    },
  };
}
