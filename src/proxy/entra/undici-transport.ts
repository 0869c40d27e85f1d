import type { Duplex } from 'node:stream';
import request from 'undici/lib/api/api-request.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import { untilAborted } from './deadline.ts';
import { createSharedLookup } from './shared-lookup.ts';
import type { HttpReply, Transport } from './transport.ts';

export interface UndiciTransportOptions {
  /** Until TCP and TLS stand; undici checks it every half second. */
  readonly connectTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  /** Between two pieces of the body. */
  readonly bodyTimeoutMs?: number;
  /** Stands in for TCP and TLS. */
  readonly connect?: () => Duplex;
}

export interface UndiciTransport extends Transport {
  /** Fails what is under way and closes all connections. */
  close(): Promise<void>;
}

/** A token reply has a few KiB; without a bound, a hostile or broken peer could fill the memory. */
const MAX_REPLY_BYTES = 1_024 * 1_024;

/** Spares the second resource of an application that starts a handshake; no middlebox forgets so soon. */
const KEEP_ALIVE_MS = 4_000;

/**
 * A transport over undici, with the roots of Node and NODE_EXTRA_CA_CERTS. HTTP/1.1 only, and as many
 * connections as there are requests, so that none of them waits for another.
 */
export function createUndiciTransport({
  connectTimeoutMs = 5_000,
  headersTimeoutMs = 10_000,
  bodyTimeoutMs = 10_000,
  connect,
}: UndiciTransportOptions = {}): UndiciTransport {
  const lookup = createSharedLookup();
  const createAgent = (): Agent =>
    new Agent({
      allowH2: false,
      pipelining: 1,
      headersTimeout: headersTimeoutMs,
      bodyTimeout: bodyTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      maxResponseSize: MAX_REPLY_BYTES,
      connect:
        connect === undefined
          ? { timeout: connectTimeoutMs, lookup }
          : // undici is not ready for a socket before this function has returned.
            (_options, callback) => queueMicrotask(() => callback(null, connect())),
    });
  let agent = createAgent();

  const retire = async (stale: Agent): Promise<void> => {
    if (agent !== stale) return;
    agent = createAgent();
    // Fails only if it has been closed already.
    await stale.close().catch(() => undefined);
  };

  return {
    async post(url, headers, body, signal) {
      signal.throwIfAborted();
      const { origin, pathname, search } = new URL(url);
      const used = agent;
      const options = {
        origin,
        path: `${pathname}${search}`,
        method: 'POST',
        headers,
        body,
      } as const;
      try {
        // The signal alone does not end a request that still waits for its connection; undici learns of it
        // when the connection stands or has timed out.
        return await untilAborted(perform(used, { ...options, signal }), signal);
      } catch (error) {
        // What let one request hang may have taken the idle connections as well.
        if (signal.aborted) void retire(used);
        throw error;
      }
    },
    close: () => agent.destroy(),
  };
}

async function perform(agent: Agent, options: Parameters<typeof request>[0]): Promise<HttpReply> {
  const { statusCode, headers, body } = await request.call(agent, options);
  const text = await body.text();
  const single: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) single[name] = first;
  }
  return { status: statusCode, headers: single, text };
}
