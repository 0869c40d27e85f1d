import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '../../shared/logger.ts';
import type { ErrorCode } from '../errors.ts';
import type { Connections } from './connections.ts';

export interface ConnectionFaultDeps {
  /** Gets a line at debug for each fault. */
  readonly logger?: Logger;
  readonly connections: Connections;
  /** A whole response, for a connection on which nothing may follow. */
  readonly toReply: (code: ErrorCode) => string;
}

/**
 * Answers bytes that node:http does not turn into a request, and ends the connection. Logs at debug only:
 * anything may connect to a port, and probes connect and leave without sending a byte.
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
    // node:http no longer listens to the socket.
    socket.on('error', () => socket.destroy());
    connections.end(socket, toReply('ERR_METHOD'));
  });
}

/** Translates the errors of node:http about requests that are malformed or do not arrive. */
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
