import { STATUS_CODES } from 'node:http';
import { type ErrorCode, ProxyError } from '../errors.ts';
import { toErrorResponse } from '../imds/error-response.ts';
import { jsonType, toHeaders } from './reply.ts';

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
