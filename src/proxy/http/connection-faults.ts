import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '../../shared/logger.ts';
import type { ErrorCode } from '../errors.ts';
import type { Connections } from './connections.ts';

export interface ConnectionFaultDeps {
  /** Told of each fault at debug. */
  readonly logger?: Logger;
  readonly connections: Connections;
  /** A whole response, for a connection on which nothing may follow. */
  readonly toReply: (code: ErrorCode) => string;
}

/**
 * Answers what node:http does not make a request of, and ends its connection. Nothing is logged above
 * debug: anything may connect to a port, and probes connect and leave without a byte.
 */
export function handleConnectionFaults(
  server: Server,
  { logger, connections, toReply }: ConnectionFaultDeps,
): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const code = toErrorCode(error.code);
    if (logger?.isEnabled('debug')) {
      logger.log('debug', 'connection failed', { error_code: code, error: error.code });
    }
    if (code === undefined) socket.destroy();
    // node:http gives its sockets a wider type.
    else connections.end(socket as Socket, toReply(code));
  });

  // The second argument is not always the socket: Node wraps it while a body is due.
  server.on('connect', ({ socket }) => {
    // Nobody else listens to a socket that node:http has let go of.
    socket.on('error', () => socket.destroy());
    connections.end(socket, toReply('ERR_METHOD'));
  });
}

/** What node:http reports of a request that it cannot parse, or waits for in vain. */
function toErrorCode(code: string | undefined): ErrorCode | undefined {
  switch (code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined;
    case 'HPE_HEADER_OVERFLOW':
      return 'ERR_HTTP_HEADERS';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'ERR_HTTP_TIMEOUT';
    default:
      return 'ERR_HTTP_MALFORMED';
  }
}
