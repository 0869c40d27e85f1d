import { connect } from 'node:tls';
import type { Emulator } from '../../src/emulator/api.ts';

/** As much of an emulator as its clients need, in this process or another. */
export interface EmulatorView {
  readonly authorityHost: string;
  readonly tenantId: string;
  readonly caPem: string;
  readonly identities: Pick<Emulator['identities'], 'list'>;
  mintAssertion(): Promise<string>;
}

/** What came back on a connection, and how it ended. */
export interface RawAnswer {
  readonly bytes: string;
  /** The error's code, or `end` for an orderly close by the server. */
  readonly ending: string;
}

/** An HTTP answer read from raw bytes. */
export interface ParsedAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** The form of a request that is in order, for the first identity or `clientId`. */
export async function toTokenForm(
  emulator: EmulatorView,
  {
    clientId,
    resource = 'https://vault.azure.net',
  }: {
    readonly clientId?: string;
    readonly resource?: string;
  } = {},
): Promise<URLSearchParams> {
  return new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId ?? emulator.identities.list()[0]?.clientId ?? '',
    scope: `${resource}/.default`,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await emulator.mintAssertion(),
  });
}

/** The bytes of a token request, which also asks the server to close the connection. */
export function toTokenRequestBytes(
  { tenantId, authorityHost }: Pick<EmulatorView, 'tenantId' | 'authorityHost'>,
  form: URLSearchParams,
  headers: readonly string[] = [],
): string {
  const body = form.toString();
  return [
    `POST /${tenantId}/oauth2/v2.0/token HTTP/1.1`,
    `Host: ${new URL(authorityHost).host}`,
    'Content-Type: application/x-www-form-urlencoded;charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...headers,
    '',
    body,
  ].join('\r\n');
}

/**
 * Sends bytes over TLS and reads until the connection ends.
 * @param signal ends it from this side; the ending is then `aborted`
 */
export function sendRaw(
  { caPem }: Pick<EmulatorView, 'caPem'>,
  origin: string,
  bytes: string,
  signal?: AbortSignal,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const end = (ending: string): void => {
      socket.destroy();
      resolve({ bytes: Buffer.concat(chunks).toString('utf8'), ending });
    };
    const socket = connect({ host: hostname, port: Number(port), ca: caPem }, () => {
      socket.write(bytes);
    });
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => end('end'));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    signal?.addEventListener('abort', () => end('aborted'));
  });
}

/** Takes the bytes of one answer apart. */
export function parseAnswer(bytes: string): ParsedAnswer {
  const split = bytes.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = bytes.slice(0, split).split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: new Map(headers),
    body: bytes.slice(split + 4),
  };
}

/** Sends one token request on a new connection. */
export async function requestToken(
  emulator: EmulatorView,
  options: Parameters<typeof toTokenForm>[1] & { readonly headers?: readonly string[] } = {},
): Promise<ParsedAnswer & { readonly ending: string }> {
  const form = await toTokenForm(emulator, options);
  const request = toTokenRequestBytes(emulator, form, options.headers);
  const { bytes, ending } = await sendRaw(emulator, emulator.authorityHost, request);
  return { ...parseAnswer(bytes), ending };
}
