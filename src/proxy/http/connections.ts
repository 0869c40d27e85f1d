import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';

/** The limits of one port. */
export interface ConnectionLimits {
  /** Open at the same time. One more replaces the idlest connection. */
  readonly maxConnections: number;
  /** Unanswered requests of one connection. The last of them ends the connection. */
  readonly maxUnanswered: number;
  /** The same for all connections, not counting the first request of each. */
  readonly maxUnansweredInAll: number;
  /** Bytes of answers that clients do not read. Above that, the connection with most of them is closed first. */
  readonly maxUnreadBytes: number;
  /** How long the bytes of an answer may wait for the client to read them. */
  readonly unreadMs: number;
  /** How long a connection may stay open after its last request, until its answers are written. */
  readonly endMs: number;
}

/**
 * Headers of a request. Clients send about ten. node:http's parser collects this many outside of the heap, and
 * more of them on the heap while the request is still arriving. 2,500 unfinished requests of 12 KiB would fill it.
 */
export const maxHeaders = 31;

/** How long a connection stays open after the last answer, so that a reset does not cost the client the answer. */
const lingerMs = 1_000;

/** Time between two checks of all connections: while a client does not read its answer, and otherwise. */
const closeLookMs = 1_000;
const lookMs = 5_000;

/** All connections of a server, from accept to close. This includes those that node:http drops or hands over. */
export interface Connections {
  /**
   * Counts a request. Every request comes here; unless it follows an unanswered one, the cost is one look-up.
   * @returns false if the connection has been destroyed and the request needs no answer.
   */
  admit(socket: Socket, response: ServerResponse, nowMs: number): boolean;
  /** Counts an answer as due until it is written or given up. */
  expect(socket: Socket, response: ServerResponse): void;
  /**
   * Ends a connection after the answers that are due. No further request is accepted.
   * @param lastWords are sent at the end, unless the last answer says `Connection: close`.
   */
  end(socket: Socket, lastWords: string): void;
  /** Makes the answers that are due the last ones of their connections. */
  endAfterAnswers(): void;
  /** Destroys every connection, whatever its state. */
  destroyAll(): void;
}

interface Connection {
  readonly socket: Socket;
  usedAtMs: number;
  /** The answers that are due. An answer that is written at once is not in it. */
  readonly due: Set<ServerResponse>;
  /** How many of them count against `maxUnansweredInAll`. */
  pipelined: number;
  /** Set once `end` has been called. */
  end: { readonly atMs: number; readonly lastWords: string } | undefined;
  /** The client has not read up to this byte since that time. */
  unread: { readonly untilBytes: number; readonly sinceMs: number } | undefined;
}

/**
 * Limits the connections of a server. Node's own `maxConnections` closes new connections, so that silent old
 * ones keep everybody else out. And node:http parses everything that a client sends at once into requests,
 * without a limit.
 * @param onCrowded is called when a connection is closed to make room.
 */
export function boundConnections(
  server: Server,
  { clock, onCrowded = () => {} }: { readonly clock: Clock; readonly onCrowded?: () => void },
  limits: ConnectionLimits,
): Connections {
  const connections = new Map<Socket, Connection>();
  let pipelinedInAll = 0;
  let looking = false;

  // The default drops the headers after the first 2,000 instead of refusing them.
  server.maxHeadersCount = 0;
  server.on('connection', (socket) => {
    onTooManyHeaders(socket, () => {
      stopReading(socket);
      server.emit('clientError', tooManyHeaders(), socket);
    });
    if (connections.size >= limits.maxConnections) {
      idlest(connections.values())?.socket.destroy();
      onCrowded();
    }
    const connection: Connection = {
      socket,
      usedAtMs: clock.monotonicMs(),
      due: new Set(),
      pipelined: 0,
      end: undefined,
      unread: undefined,
    };
    connections.set(socket, connection);
    socket.once('close', () => {
      connections.delete(socket);
      pipelinedInAll -= connection.pipelined;
      connection.pipelined = 0;
    });
    if (!looking) lookLater(lookMs);
  });

  const expect = (connection: Connection, response: ServerResponse, pipelined: 0 | 1): void => {
    if (connection.due.has(response)) return;
    connection.due.add(response);
    // Discards the body. Otherwise node:http keeps the arrived part of it until the answer.
    response.req.resume();
    connection.pipelined += pipelined;
    pipelinedInAll += pipelined;
    response.once('close', () => {
      connection.due.delete(response);
      if (connection.pipelined > 0) {
        connection.pipelined -= pipelined;
        pipelinedInAll -= pipelined;
      }
      if (connection.due.size === 0) finish(connection);
    });
  };

  /** Closes a connection after `end`, once no answer is due. */
  const finish = ({ socket, end }: Connection): void => {
    if (end === undefined || socket.destroyed) return;
    if (socket.writable) socket.end(end.lastWords);
    const cancel = clock.after(lingerMs, () => socket.destroy());
    socket.once('close', cancel);
  };

  const lookLater = (delayMs: number): void => {
    looking = true;
    clock.after(delayMs, () => {
      looking = false;
      const unreadBytes = look();
      if (connections.size > 0) lookLater(unreadBytes > 0 ? closeLookMs : lookMs);
    });
  };

  /** Destroys connections that are over their deadline or hold too many bytes. @returns the unread bytes. */
  const look = (): number => {
    const nowMs = clock.monotonicMs();
    const holders: { readonly socket: Socket; readonly bytes: number }[] = [];
    let unreadBytes = 0;
    for (const connection of connections.values()) {
      const { socket, end } = connection;
      if (end !== undefined && nowMs - end.atMs >= limits.endMs) socket.destroy();
      const bytes = toUnreadBytes(connection);
      if (bytes > 0 && isStuck(connection, nowMs, limits.unreadMs)) socket.destroy();
      if (bytes === 0) connection.unread = undefined;
      if (bytes === 0 || socket.destroyed) continue;
      unreadBytes += bytes;
      holders.push({ socket, bytes });
    }
    if (unreadBytes <= limits.maxUnreadBytes) return unreadBytes;
    for (const { socket, bytes } of holders.toSorted((a, b) => b.bytes - a.bytes)) {
      if (unreadBytes <= limits.maxUnreadBytes) break;
      socket.destroy();
      unreadBytes -= bytes;
    }
    return unreadBytes;
  };

  return {
    admit(socket, response, nowMs) {
      const connection = connections.get(socket);
      if (connection === undefined) return false;
      connection.usedAtMs = nowMs;
      // node:http gives an answer its socket when the answers before it are written.
      if (response.socket !== null) return true;
      expect(connection, response, 1);
      const unanswered = connection.pipelined + 1;
      const isRoom = pipelinedInAll < limits.maxUnansweredInAll;
      if (unanswered < limits.maxUnanswered && isRoom) return true;
      response.shouldKeepAlive = false;
      return stopReading(socket);
    },

    expect(socket, response) {
      const connection = connections.get(socket);
      if (connection !== undefined) expect(connection, response, 0);
    },

    end(socket, lastWords) {
      const connection = connections.get(socket);
      if (connection === undefined || connection.end !== undefined) return;
      // An answer that is not written yet will say `Connection: close`.
      const isSaid = [...connection.due].some(({ headersSent }) => !headersSent);
      for (const response of connection.due) response.shouldKeepAlive = false;
      connection.end = { atMs: clock.monotonicMs(), lastWords: isSaid ? '' : lastWords };
      if (connection.due.size === 0) finish(connection);
    },

    endAfterAnswers() {
      for (const { due } of connections.values()) {
        for (const response of due) response.shouldKeepAlive = false;
      }
    },

    destroyAll() {
      for (const socket of connections.keys()) socket.destroy();
    },
  };
}

/** The connection that has been unused for longest, if possible one without an answer due. */
function idlest(connections: Iterable<Connection>): Connection | undefined {
  let best: Connection | undefined;
  for (const connection of connections) {
    if (connection.socket.destroyed) continue;
    if (best === undefined || isIdler(connection, best)) best = connection;
  }
  return best;
}

function isIdler(one: Connection, other: Connection): boolean {
  if ((one.due.size === 0) !== (other.due.size === 0)) return one.due.size === 0;
  return one.usedAtMs < other.usedAtMs;
}

function toUnreadBytes({ socket, due }: Connection): number {
  let bytes = socket.writableLength;
  // Answers without a socket hold their bytes themselves.
  for (const response of due) if (response.socket === null) bytes += response.writableLength;
  return bytes;
}

/** Whether the client has not read bytes that were written `unreadMs` ago. */
function isStuck(connection: Connection, nowMs: number, unreadMs: number): boolean {
  const { socket, unread } = connection;
  const written = socket.bytesWritten;
  if (unread !== undefined && written - socket.writableLength < unread.untilBytes) {
    return nowMs - unread.sinceMs >= unreadMs;
  }
  connection.unread = { untilBytes: written, sinceMs: nowMs };
  return false;
}

/** The part of node:http's parser that is used here. Undocumented. */
interface Parser {
  /** Takes a request's head. */
  onIncoming?: (...args: unknown[]) => number;
  /** Takes the first 31 headers of a head that has more. */
  [onHeaders]?: (...args: unknown[]) => void;
  readonly socket?: Socket | null;
}

type ParsedSocket = Socket & { readonly parser?: Parser | null };

/** `HTTPParser.kOnHeaders`, which Node does not export. */
const onHeaders = 1;

/** By socket, because node:http uses a parser for one connection after the other, also those of clients. */
const refusals = new WeakMap<Socket, () => void>();

const wrapped = new WeakSet<Parser>();

/** Calls `refuse` in place of keeping the first 31 headers of a head that has more. */
function onTooManyHeaders(socket: Socket, refuse: () => void): void {
  const { parser } = socket as ParsedSocket;
  const keep = parser?.[onHeaders];
  if (!parser || typeof keep !== 'function') return;
  refusals.set(socket, refuse);
  if (wrapped.has(parser)) return;
  wrapped.add(parser);
  parser[onHeaders] = function (this: Parser, ...args) {
    const refuseThis = this.socket ? refusals.get(this.socket) : undefined;
    if (refuseThis === undefined) keep.apply(this, args);
    else refuseThis();
  };
}

/** The same error as for a head with too many bytes. */
function tooManyHeaders(): NodeJS.ErrnoException {
  return Object.assign(new Error(`more than ${maxHeaders} headers`), {
    code: 'HPE_HEADER_OVERFLOW',
  });
}

/** Returned to the parser, it means that no HTTP follows, as after a CONNECT: the parser stops. */
const notHttpFromHere = 2;

/**
 * Discards all further bytes of a connection. Its parser already has up to 64 KB, which may be thousands of
 * requests.
 * @returns false if that was not possible and the connection has been destroyed.
 */
function stopReading(socket: Socket): boolean {
  const { parser } = socket as ParsedSocket;
  if (typeof parser?.onIncoming !== 'function') {
    socket.destroy();
    return false;
  }
  parser.onIncoming = () => {
    socket.pause();
    return notHttpFromHere;
  };
  socket.pause();
  return true;
}
