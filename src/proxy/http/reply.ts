import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { buildInfo } from '../../shared/version.ts';
import { type ErrorCode, ProxyError } from '../errors.ts';
import type { RouteLabel } from '../metrics/metrics.ts';
import { toErrorResponse } from '../protocol/imds.ts';

/** What a request for a token is about. */
export interface Subject {
  readonly clientId: string;
  readonly resource: string;
}

/** A request that is not answered from memory. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Its `x-ms-request-id`. */
  readonly id: string;
  /** On the monotonic clock. */
  readonly startedAtMs: number;
  readonly route: RouteLabel;
  /** For the log. Undefined until the request has been parsed. */
  subject?: Subject;
  /** The protocol of the answer. */
  readonly protocol: 'imds' | 'app-service';
}

/** The real service's value begins with `IMDS`, which some clients check. */
export const serverHeader = `IMDS/${buildInfo.version} (workload-identity-imds-proxy)`;

export const jsonType = 'application/json; charset=utf-8';

/** Headers of every answer, as names and values in turn, in an order that nothing depends on. */
export function toHeaders(contentType: string, contentLength: number, requestId: string): string[] {
  return [
    'Content-Type',
    contentType,
    'Content-Length',
    String(contentLength),
    'Server',
    serverHeader,
    'x-ms-request-id',
    requestId,
  ];
}

/** Writes a whole answer at once, never chunked or compressed: ABFS requires a Content-Length. */
export function reply(
  { response, id }: Pick<Call, 'response' | 'id'>,
  status: number,
  contentType: string,
  body: string,
  extraHeaders: readonly string[] = [],
): void {
  const headers = toHeaders(contentType, Buffer.byteLength(body), id);
  response.writeHead(status, [...headers, ...extraHeaders]);
  response.end(body);
}

/** A complete response for a connection without a request object, which ends after it. */
export function toRawReply(code: ErrorCode, requestId: string, now: Date): string {
  const { status, body } = toErrorResponse(new ProxyError(code, code));
  const headers = toHeaders(jsonType, Buffer.byteLength(body), requestId);
  headers.push('Date', now.toUTCString(), 'Connection', 'close');
  if (code === 'ERR_METHOD') headers.push('Allow', 'GET');
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  for (let index = 0; index < headers.length; index += 2) {
    head += `${headers[index]}: ${headers[index + 1]}\r\n`;
  }
  return `${head}\r\n${body}`;
}

const firstNumber = 10_000_000;
/** Eight digits. */
const highestNumber = 99_999_999;

/**
 * Creates the `x-ms-request-id` of each answer. It has the form of a GUID, because clients show it as one. The
 * last eight digits are a counter in decimal: valid as hexadecimal, and cheaper than random digits for each
 * request. The ID protects nothing, so it needs no cryptographic randomness.
 */
export function createRequestIds({ lastNumber = highestNumber } = {}): () => string {
  let prefix = toPrefix();
  let number = firstNumber;
  return () => {
    if (number > lastNumber) {
      prefix = toPrefix();
      number = firstNumber;
    }
    return prefix + number++;
  };
}

/** Twenty-eight of a version 4 GUID's thirty-six characters. */
function toPrefix(): string {
  return `${digits(8)}-${digits(4)}-4${digits(3)}-8${digits(3)}-${digits(4)}`;
}

function digits(count: number): string {
  return Math.floor(Math.random() * 16 ** count)
    .toString(16)
    .padStart(count, '0');
}
