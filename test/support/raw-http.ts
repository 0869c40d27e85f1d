import net from 'node:net';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** A response as it came over the wire. */
export interface RawResponse {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  /** Names in lower case; a header that comes twice has two values. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
  /** Status line and headers, verbatim. */
  readonly head: string;
}

/** A request to send, as it stands: it may be invalid in any way. */
export interface RequestSpec {
  readonly method?: string;
  readonly target: string;
  readonly version?: string;
  /** Whole header lines. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** The bytes of a request. Each character is one byte. */
export function toBytes({
  method = 'GET',
  target,
  version = 'HTTP/1.1',
  headers = [],
  body = '',
}: RequestSpec): Buffer {
  const head = [`${method} ${target} ${version}`, ...headers].join('\r\n');
  return Buffer.from(`${head}\r\n\r\n${body}`, 'latin1');
}

/** How long a test waits for what should come at once, before it fails. */
const patienceMs = 20_000;

/** One TCP connection, read as a sequence of responses. */
export interface RawConnection {
  write(bytes: Buffer | string): void;
  /** Ends our side; the other may still answer. */
  halfClose(): void;
  /** The next response. @throws if the connection ends or nothing comes. */
  read(options?: { readonly head?: boolean }): Promise<RawResponse>;
  /** Everything that still comes until the other side ends. */
  readToEnd(): Promise<string>;
  /** Resolves when the connection is closed from the other side, in whatever way. */
  readonly closed: Promise<void>;
  destroy(): void;
  /** Ends the connection with a reset instead of a close. */
  reset(): void;
}

export async function connect({ host, port }: Endpoint): Promise<RawConnection> {
  const socket = net.connect({ host, port, allowHalfOpen: true });
  let received = Buffer.alloc(0);
  let ended = false;
  let wake: (() => void) | undefined;
  const changed = (): void => wake?.();
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
  const finish = (): void => {
    ended = true;
    onClosed();
    changed();
  };
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    changed();
  });
  socket.on('end', finish);
  socket.on('close', finish);
  // A reset counts as an end; the test then misses the bytes that it expected.
  socket.on('error', finish);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });

  const waitFor = async <T>(attempt: () => T | undefined, what: string): Promise<T> => {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const result = attempt();
      if (result !== undefined) return result;
      if (ended) throw new Error(`connection ended before ${what}: ${received.toString('latin1')}`);
      if (Date.now() > deadline) throw new Error(`no ${what} in ${patienceMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };

  return {
    write: (bytes) => void socket.write(bytes),
    halfClose: () => void socket.end(),
    async read({ head = false } = {}) {
      return waitFor(() => {
        const parsed = parseResponse(received, { head, ended });
        if (parsed === undefined) return undefined;
        received = received.subarray(parsed.length);
        return parsed.response;
      }, 'a response');
    },
    async readToEnd() {
      await waitFor(() => (ended ? true : undefined), 'end');
      return received.toString();
    },
    closed,
    destroy: () => void socket.destroy(),
    reset: () => void socket.resetAndDestroy(),
  };
}

/** Sends bytes on a new connection and reads one response. */
export async function sendRaw(endpoint: Endpoint, bytes: Buffer | string): Promise<RawResponse> {
  const connection = await connect(endpoint);
  try {
    connection.write(bytes);
    return await connection.read({ head: bytes.toString('latin1').startsWith('HEAD ') });
  } finally {
    connection.destroy();
  }
}

export function send(endpoint: Endpoint, request: RequestSpec): Promise<RawResponse> {
  return sendRaw(endpoint, toBytes(request));
}

/** A header that must be there exactly once. */
export function headerOf({ headers, head }: RawResponse, lowerCaseName: string): string {
  const values = headers.get(lowerCaseName) ?? [];
  const [value] = values;
  if (value === undefined || values.length > 1) {
    throw new Error(`${values.length} headers ${lowerCaseName} in:\n${head}`);
  }
  return value;
}

interface Parsed {
  readonly response: RawResponse;
  readonly length: number;
}

function parseResponse(
  bytes: Buffer,
  { head: isHead, ended }: { readonly head: boolean; readonly ended: boolean },
): Parsed | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const head = bytes.subarray(0, headEnd).toString('latin1');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const match = /^(HTTP\/1\.[01]) (\d{3}) (.*)$/.exec(statusLine);
  if (match === null) throw new Error(`not a status line: ${statusLine}`);
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  const declared = headers.get('content-length')?.[0];
  const bodyStart = headEnd + 4;
  if (declared === undefined && !isHead && !ended) return undefined;
  const length = isHead ? 0 : Number(declared ?? bytes.length - bodyStart);
  if (bytes.length < bodyStart + length) return undefined;
  return {
    length: bodyStart + length,
    response: {
      version: match[1] ?? '',
      status: Number(match[2]),
      reason: match[3] ?? '',
      headers,
      body: bytes.subarray(bodyStart, bodyStart + length).toString(),
      head,
    },
  };
}
