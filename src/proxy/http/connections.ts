import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';

/** What the clients of one port may make it hold. */
export interface ConnectionLimits {
  /** Open at the same time. A newcomer that would be one too many takes the place of the idlest. */
  readonly maxConnections: number;
  /** Requests of one connection whose answers it has not taken. The last one ends the connection. */
  readonly maxUnanswered: number;
  /** The same for all connections, not counting the first request of each. */
  readonly maxUnansweredInAll: number;
  /** Bytes of answers that clients do not read. The connection with most of them is ended first. */
  readonly maxUnreadBytes: number;
  /** How long the bytes of an answer may wait for the client to read them. */
  readonly unreadMs: number;
  /** How long a connection that ends may take over it, with the answers that are due. */
  readonly endMs: number;
}

/**
 * Headers of a request. Clients send about ten. It is what node:http's parser collects outside of the heap;
 * with more, it would put them there while the request is still arriving, and 3,000 unfinished requests of
 * 12 KiB are about what the heap holds.
 */
export const maxHeaders = 31;

/** For how long a connection may still deliver what nobody reads, so that its client gets the answer. */
const lingerMs = 1_000;

/** Between two looks at all connections: while somebody does not read, and otherwise. */
const closeLookMs = 1_000;
const lookMs = 5_000;

/** Every connection of a server, from accept to close, also those that node:http gives up or hands over. */
export interface Connections {
  /**
   * Takes note of a request, whose answer must then be written. It is the path of every request: for one
   * that does not follow an unanswered one it is a look-up.
   * @returns false if the request must be left alone: its connection has been destroyed.
   */
  admit(socket: Socket, response: ServerResponse, nowMs: number): boolean;
  /** Takes note that the connection waits for this answer, until the answer is written or given up. */
  expect(socket: Socket, response: ServerResponse): void;
  /**
   * Ends a connection on which no request can follow, after the answers that are due.
   * @param lastWords to send then, unless the last answer has already said that it is the last.
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
  /** Answers that are due, as far as they were told of: one that is written at once need not be. */
  readonly due: Set<ServerResponse>;
  /** How many of them count against `maxUnansweredInAll`. */
  pipelined: number;
  /** When its end began, and with which words. */
  end: { readonly atMs: number; readonly lastWords: string } | undefined;
  /** Bytes that the client had to read to come this far, since when, if it has not. */
  unread: { readonly untilBytes: number; readonly sinceMs: number } | undefined;
}

/**
 * Bounds the connections of a server. Node's own `maxConnections` ends the newcomer, so that whoever comes
 * first and says nothing keeps everybody else out; and node:http makes requests of all that a client sends
 * at once, however many those are.
 * @param onCrowded called when a connection has to make room for another.
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
    // Nobody reads a body, and until the answer node:http would keep what has arrived of it.
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

  /** Ends a connection whose end has begun and that waits for no answer. */
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

  /** Destroys the connections whose time is over or that hold too much. @returns the bytes that are unread. */
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
      // An answer has no socket as long as an earlier one has it.
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
      // What is not written yet says itself that the connection ends with it.
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

/** The longest unused that waits for no answer or, if all do, the longest unused. */
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
  // Those that wait for their turn hold their own bytes.
  for (const response of due) if (response.socket === null) bytes += response.writableLength;
  return bytes;
}

/** Whether bytes that were written a while ago are still not read. */
function isStuck(connection: Connection, nowMs: number, unreadMs: number): boolean {
  const { socket, unread } = connection;
  const written = socket.bytesWritten;
  if (unread !== undefined && written - socket.writableLength < unread.untilBytes) {
    return nowMs - unread.sinceMs >= unreadMs;
  }
  connection.unread = { untilBytes: written, sinceMs: nowMs };
  return false;
}

/** What of node:http's parser is used here. It is not documented. */
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

/** What the parser takes for the end of what it understands, as after a CONNECT: it stops there. */
const notHttpFromHere = 2;

/**
 * Throws away what follows on a connection. Its parser has already been given up to 64 KB, and would make
 * some thousand requests of them in one go.
 * @returns false if that is impossible, and the connection has been destroyed instead.
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
