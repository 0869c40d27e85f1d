/**
 * The files of undici that we use. Its index loads everything it has and, by reading `globalThis.Headers`,
 * Node's built-in copy of undici as well. These files are no documented surface:
 * test/unit/entra/undici-transport.test.ts pins what we rely on.
 */
declare module 'undici/lib/core/connect.js' {
  import type { Duplex } from 'node:stream';
  import type { SecureContext } from 'node:tls';

  /** Returns the socket at once and calls back when TCP and TLS stand, or have failed. */
  type Connector = (
    options: {
      readonly hostname: string;
      /** Empty for the scheme's own. */
      readonly port: string;
      readonly protocol: string;
      /** A connection that TLS is to be spoken over, in place of one to the host. */
      readonly httpSocket?: Duplex;
    },
    callback: (...result: [error: null, socket: Duplex] | [error: Error]) => void,
  ) => Duplex;

  function buildConnector(options: {
    readonly allowH2: false;
    readonly timeout: number;
    readonly secureContext?: SecureContext;
    readonly servername?: string;
  }): Connector;
  export = buildConnector;
}

declare module 'undici/lib/dispatcher/agent.js' {
  import type buildConnector from 'undici/lib/core/connect.js';

  class Agent {
    constructor(options: {
      readonly allowH2: false;
      readonly connections: number;
      readonly pipelining: number;
      readonly headersTimeout: number;
      readonly bodyTimeout: number;
      readonly keepAliveTimeout: number;
      readonly keepAliveMaxTimeout: number;
      readonly maxResponseSize: number;
      readonly connect: (...args: Parameters<ReturnType<typeof buildConnector>>) => void;
    });
    /** Sends a request. Whatever comes of it, `handler` hears its end once. */
    dispatch(
      options: {
        readonly origin: string;
        readonly path: string;
        readonly method: 'POST';
        readonly headers: Readonly<Record<string, string>>;
        readonly body: Uint8Array;
      },
      handler: {
        onRequestStart(controller: unknown): void;
        /** Also called for informational answers. */
        onResponseStart(
          controller: unknown,
          status: number,
          headers: Readonly<Record<string, string | string[] | undefined>>,
        ): void;
        /** @param chunk the receiver's own */
        onResponseData(controller: unknown, chunk: Buffer): void;
        onResponseEnd(controller: unknown): void;
        onResponseError(controller: unknown, error: Error): void;
      },
    ): boolean;
    /** Fails all requests and closes all connections but those that do not stand yet. */
    destroy(): Promise<void>;
  }
  export = Agent;
}
