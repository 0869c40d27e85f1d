import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { buildInfo } from '../../shared/version.ts';
import { type ErrorCode, ProxyError } from '../errors.ts';
import { toErrorResponse } from '../imds/error-response.ts';
import type { RouteLabel } from '../metrics/metrics.ts';

/** What a request for a token is about. */
export interface Subject {
  readonly clientId: string;
  readonly resource: string;
}

/** A request on its way to an answer that is not waiting in memory. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Its `x-ms-request-id`. */
  readonly id: string;
  /** On the monotonic clock. */
  readonly startedAtMs: number;
  readonly route: RouteLabel;
  /** Whose token for what the request means, once that is known. For the log. */
  subject?: Subject;
  /** Which service's clients understand the answer. */
  readonly protocol: 'imds' | 'app-service';
}

/** Clients that look at it look for `IMDS`, as the real service begins. */
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

/** Writes a whole answer at once: never chunked, never compressed (ABFS insists on a Content-Length). */
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

/** A whole response for a connection that has no request object, and on which nothing may follow. */
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
