import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import type { ErrorCode } from '../errors.ts';
import { toRawReply } from './raw-reply.ts';
import type { Router } from './router.ts';

export interface ConnectionFaultDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly router: Router;
  readonly nextRequestId: () => string;
}

/** For how long a connection may still deliver what nobody reads, so that its client gets the answer. */
const lingerMs = 1_000;

/**
 * Answers, in JSON as everything else, what node:http does not make a request of. None of it is logged
 * above debug: anything may connect to a port, and probes connect and leave without a byte.
 */
export function handleConnectionFaults(
  server: Server,
  { clock, logger, router, nextRequestId }: ConnectionFaultDeps,
): void {
  const ended = new WeakSet<Duplex>();

  const end = (socket: Duplex, code: ErrorCode): void => {
    // An answer that is still due must come first, and is the last one then.
    if (ended.has(socket) || router.endAfterAnswers(socket)) return;
    ended.add(socket);
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    socket.end(toRawReply(code, nextRequestId(), new Date(clock.epochMs())));
    const cancel = clock.after(lingerMs, () => socket.destroy());
    socket.once('close', cancel);
  };

  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const code = toErrorCode(error.code);
    if (logger.isEnabled('debug')) {
      logger.log('debug', 'connection failed', { error_code: code, error: error.code });
    }
    if (code === undefined) socket.destroy();
    else end(socket, code);
  });

  server.on('connect', (_request, socket) => end(socket, 'ERR_METHOD'));

  server.once('drop', () =>
    logger.log('warning', 'connections are refused: too many are open', {
      connections: server.maxConnections,
    }),
  );
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
