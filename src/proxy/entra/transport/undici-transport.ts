import type { LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext } from 'node:tls';
import buildConnector from 'undici/lib/core/connect.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import { deadlines, untilAborted } from '../../deadlines.ts';
import type { ReadCa } from './ca-file.ts';
import { type Connect, createDial, type Dial, type Dialing, toHostname } from './dial.ts';
import { createTunnelConnector } from './http-tunnel.ts';
import type { HttpReply, Transport } from './transport.ts';

export interface UndiciTransportOptions {
  /** Until TCP stands, and then until TLS does, for which undici looks every half second. */
  readonly connectTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  /** Between two pieces of the body. */
  readonly bodyTimeoutMs?: number;
  /** Called before every POST for the CAs that alone are trusted; otherwise those of Node are. */
  readonly readCa?: ReadCa | undefined;
  /** Whether `readCa` holds for an HTTP proxy with TLS as well; otherwise the CAs of Node do. */
  readonly proxyHasSameCa?: boolean;
  /** TLS server name to ask for and to verify, if not the host of the URL. */
  readonly serverName?: string | undefined;
  /** URL of an HTTP proxy that connections go through. */
  readonly httpProxy?: string | undefined;
  /** Stands in for the system's resolver. */
  readonly lookup?: LookupFunction | undefined;
  /** Stands in for TCP and TLS. */
  readonly connect?: () => Duplex;
}

export interface UndiciTransport extends Transport {
  /** Fails the requests under way and closes all connections. */
  close(): Promise<void>;
}

/** One request at a time, on one connection. */
interface Line {
  readonly agent: Agent;
  readonly trust: Trust;
  destroy(): Promise<void>;
}

/** What vouches for the peer. Connections that were made under another one are not used again. */
interface Trust {
  readonly ca: readonly string[] | undefined;
  /** One for all lines, so that they resume each other's TLS sessions. */
  readonly connect: Connect;
}

/**
 * A token reply has a few KiB, and no token has more than 64. Sixty-four exchanges may run at once, so that
 * broken peers can fill 8 MiB and no more.
 */
export const MAX_REPLY_BYTES = 128 * 1_024;

/** Saves the second resource of a starting application a handshake. No middlebox forgets so soon. */
const KEEP_ALIVE_MS = 4_000;

const MAX_IDLE_LINES = 4;

/**
 * A transport over undici, HTTP/1.1 only, with the CAs of Node unless `readCa` names others. Every request has a connection to itself: none waits for another, and one that fails or is
 * given up takes its connection with it, in whatever state that is. So one that is under way when the CA
 * changes is not disturbed, and the next one uses the new CA.
 */
export function createUndiciTransport({
  connectTimeoutMs = deadlines.connectMs,
  headersTimeoutMs = deadlines.attemptMs,
  bodyTimeoutMs = deadlines.attemptMs,
  readCa,
  proxyHasSameCa = false,
  serverName,
  httpProxy,
  lookup,
  connect,
}: UndiciTransportOptions = {}): UndiciTransport {
  const dial = createDial({ timeoutMs: connectTimeoutMs, lookup });
  const toTrust = (ca: readonly string[] | undefined): Trust => {
    // Parsed once: with the public roots among them it takes milliseconds.
    const secureContext = ca === undefined ? undefined : createSecureContext({ ca: [...ca] });
    const speakTls = buildConnector({
      allowH2: false,
      timeout: connectTimeoutMs,
      ...(secureContext === undefined ? {} : { secureContext }),
      ...(serverName === undefined ? {} : { servername: serverName }),
    });
    return {
      ca,
      connect:
        httpProxy === undefined
          ? createDirectConnector(dial, speakTls)
          : createTunnelConnector(
              { dial, speakTls, secureContext: proxyHasSameCa ? secureContext : undefined },
              httpProxy,
              connectTimeoutMs,
            ),
    };
  };
  let trust: Trust | undefined;
  const idle: Line[] = [];
  const lines = new Set<Line>();

  const chooseTrust = (ca: readonly string[] | undefined): Trust => {
    if (trust?.ca === ca && trust !== undefined) return trust;
    trust = toTrust(ca);
    for (const line of idle.splice(0)) void line.destroy();
    return trust;
  };

  const openLine = (lineTrust: Trust): Line => {
    let connecting: Dialing | undefined;
    const agent = new Agent({
      allowH2: false,
      connections: 1,
      pipelining: 1,
      headersTimeout: headersTimeoutMs,
      bodyTimeout: bodyTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      maxResponseSize: MAX_REPLY_BYTES,
      connect(options, callback) {
        if (connect === undefined) {
          connecting = lineTrust.connect(options, callback);
          return;
        }
        const given = connect();
        connecting = given;
        // undici is not ready for the socket before this function has returned.
        queueMicrotask(() => callback(null, given));
      },
    });
    const line: Line = {
      agent,
      trust: lineTrust,
      async destroy() {
        lines.delete(line);
        const destroyed = agent.destroy();
        // The agent knows nothing of a connection that does not stand yet.
        connecting?.destroy();
        await destroyed;
      },
    };
    lines.add(line);
    return line;
  };

  const takeLine = async (signal: AbortSignal): Promise<Line> => {
    const chosen = chooseTrust(await readCa?.(signal));
    return idle.pop() ?? openLine(chosen);
  };

  return {
    async post(url, headers, body, signal) {
      signal.throwIfAborted();
      const line = await takeLine(signal);
      let isReusable = false;
      try {
        const reply = await untilAborted(perform(line.agent, url, headers, body), signal);
        isReusable = idle.length < MAX_IDLE_LINES && lines.has(line) && line.trust === trust;
        return reply;
      } finally {
        if (isReusable) idle.push(line);
        else void line.destroy();
      }
    },
    async close() {
      idle.length = 0;
      await Promise.all([...lines].map((line) => line.destroy()));
    },
  };
}

/** Connects to the host itself, and speaks TLS unless the URL says http. */
function createDirectConnector(dial: Dial, speakTls: ReturnType<typeof buildConnector>): Connect {
  return (options, callback) => {
    const { hostname, port, protocol } = options;
    const isPlain = protocol === 'http:';
    let current: Dialing = dial(
      toHostname(hostname),
      Number(port || (isPlain ? 80 : 443)),
      (error, socket) => {
        if (error !== null) callback(error);
        else if (isPlain) callback(null, socket);
        else current = speakTls({ ...options, httpSocket: socket }, callback);
      },
    );
    return { destroy: () => current.destroy() };
  };
}

/**
 * Sends one request and reads the whole answer. The bytes of both hold tokens, so they are erased afterwards: freed
 * memory keeps its content until it is used again.
 */
async function perform(
  agent: Agent,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<HttpReply> {
  const { origin, pathname, search } = new URL(url);
  const sent = Buffer.from(body);
  const received: Buffer[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let head: Omit<HttpReply, 'text'> = { status: 0, headers: {} };
  try {
    agent.dispatch(
      { origin, path: `${pathname}${search}`, method: 'POST', headers, body: sent },
      {
        onRequestStart() {},
        // An informational answer comes before the one that counts.
        onResponseStart(_controller, status, named) {
          head = { status, headers: toSingleValues(named) };
        },
        onResponseData: (_controller, chunk) => void received.push(chunk),
        onResponseEnd: () => resolve(),
        onResponseError: (_controller, error) => reject(error),
      },
    );
    await promise;
    return { ...head, text: toText(received) };
  } finally {
    for (const bytes of [sent, ...received]) bytes.fill(0);
  }
}

/** Decodes UTF-8, without the mark that some firewalls put in front. */
function toText(chunks: readonly Buffer[]): string {
  const bytes = Buffer.concat(chunks);
  try {
    return new TextDecoder().decode(bytes);
  } finally {
    bytes.fill(0);
  }
}

function toSingleValues(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  const single: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) single[name] = first;
  }
  return single;
}
