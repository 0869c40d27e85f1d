import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** An answer as it is sent. */
export interface WireAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly retryAfterSeconds?: number | undefined;
  /** Announce the whole body, send half of it and close. */
  readonly isTruncated?: boolean | undefined;
}

export const jsonType = 'application/json; charset=utf-8';

/** Writes an answer in one piece, with `Content-Length`. */
export function writeAnswer(
  response: ServerResponse,
  answer: WireAnswer,
  headers: OutgoingHttpHeaders = {},
): void {
  const body = Buffer.from(answer.body);
  const { retryAfterSeconds } = answer;
  response.writeHead(answer.status, {
    ...headers,
    ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': retryAfterSeconds }),
    'Content-Type': answer.contentType,
    'Content-Length': body.length,
  });
  if (answer.isTruncated === true) {
    response.write(body.subarray(0, body.length / 2), () => response.socket?.destroySoon());
  } else {
    response.end(body);
  }
}

/** A JSON document. */
export function toJsonAnswer(status: number, value: unknown): WireAnswer {
  return { status, contentType: jsonType, body: JSON.stringify(value) };
}
