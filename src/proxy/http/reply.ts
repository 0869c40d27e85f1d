import type { IncomingMessage, ServerResponse } from 'node:http';
import { buildInfo } from '../../shared/version.ts';
import type { Route } from '../metrics/metrics.ts';

/** A request on its way to an answer that is not waiting in memory. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Its `x-ms-request-id`. */
  readonly id: string;
  /** On the monotonic clock. */
  readonly startedAtMs: number;
  readonly route: Route;
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
