/**
 * The two files of undici that we use. Its index loads everything it has and, by reading
 * `globalThis.Headers`, Node's built-in copy of undici as well; these files are not part of its documented
 * surface, so test/unit/entra/undici-transport.test.ts pins what we rely on.
 */
declare module 'undici/lib/dispatcher/agent.js' {
  import type { LookupFunction } from 'node:net';
  import type { Duplex } from 'node:stream';

  class Agent {
    constructor(options: {
      readonly allowH2: false;
      readonly pipelining: number;
      readonly headersTimeout: number;
      readonly bodyTimeout: number;
      readonly keepAliveTimeout: number;
      readonly keepAliveMaxTimeout: number;
      readonly maxResponseSize: number;
      readonly connect:
        | { readonly timeout: number; readonly lookup: LookupFunction }
        | ((options: unknown, callback: (error: null, socket: Duplex) => void) => void);
    });
    /** Takes no more requests and ends with the last of those it has. */
    close(): Promise<void>;
    /** Fails all requests and closes all connections. */
    destroy(): Promise<void>;
  }
  export = Agent;
}

declare module 'undici/lib/api/api-request.js' {
  import type Agent from 'undici/lib/dispatcher/agent.js';

  function request(
    this: Agent,
    options: {
      readonly origin: string;
      readonly path: string;
      readonly method: 'POST';
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly signal: AbortSignal;
    },
  ): Promise<{
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly body: { text(): Promise<string> };
  }>;
  export = request;
}
