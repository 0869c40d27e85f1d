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
    /** Fails all requests and closes all connections but those that do not stand yet. */
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
    },
  ): Promise<{
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly body: { text(): Promise<string> };
  }>;
  export = request;
}
