import { toTokenBody } from '../imds/response.ts';
import type { Token } from '../token/token-source.ts';
import { jsonType, toHeaders } from './reply.ts';

/** A token as an answer that only needs its id to be written. */
export interface RenderedToken {
  readonly token: Token;
  /** A string, which node:http joins with the headers into one write; a Buffer would be a second one. */
  readonly body: string;
  /** Reused for every answer: the last element is the request's id. */
  readonly headers: string[];
  /** `expires_in` changes with the wall clock's second: the monotonic instant of that. */
  readonly freshUntilMs: number;
}

/** @param nowMs and `nowEpochMs` are the same instant on both clocks. */
export function toRenderedToken(token: Token, nowMs: number, nowEpochMs: number): RenderedToken {
  const body = toTokenBody(token, nowEpochMs);
  return {
    token,
    body,
    headers: toHeaders(jsonType, Buffer.byteLength(body), ''),
    freshUntilMs: nowMs + 1_000 - (nowEpochMs % 1_000),
  };
}
