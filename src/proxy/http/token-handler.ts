import type { IncomingMessage, ServerResponse } from 'node:http';
import { isGuid } from '../../shared/guid.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';

import { type IdentityPolicy, toAllowedResource, toIdentity } from '../protocol/identity.ts';
import { type AnswerableToken, parseTokenQuery, toTokenBody } from '../protocol/imds.ts';
import type { TokenQuery } from '../protocol/token-query.ts';
import { type KeyedRequest, type Token, type TokenSource, toKeyed } from '../token/token-source.ts';
import { headerValues } from './raw-headers.ts';
import { type Call, jsonType, reply, toHeaders } from './reply.ts';
import { toLogFields } from './request-log.ts';

export interface TokenHandlerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly source: TokenSource;
  readonly policy: IdentityPolicy;
  readonly nextRequestId: () => string;
}

export interface TokenHandler {
  /**
   * Answers a GET if its target was served before and its token is in memory, as with almost every request.
   * The caller has checked the method and the guard.
   * @returns false if it cannot answer. Nothing has been written then.
   */
  answerFromMemory(
    request: IncomingMessage,
    response: ServerResponse,
    startedAtMs: number,
  ): boolean;
  /**
   * Answers a request for a token, waiting for an exchange if need be.
   * @throws ProxyError if there is no token. Nothing has been written then.
   */
  answer(call: Call, query: string): Promise<void>;
  /** The same for a query of another protocol, already parsed, whose answer has another form. */
  answerAs(call: Call, query: TokenQuery, toBody: ToBody): Promise<void>;
  /** From now on, requests that need an exchange are refused. */
  stopWaiting(): void;
}

/** The body of a successful answer. */
export type ToBody = (token: AnswerableToken) => string;

/** Where an answer goes, and its `x-ms-request-id`. */
type Destination = Pick<Call, 'response' | 'id'>;

/** A complete answer with a token, except for the request's ID. */
interface RenderedToken {
  /** A string, which node:http joins with the headers into one write; a Buffer would be a second one. */
  readonly body: string;
  /** Reused for every answer: the last element is the request's id. */
  readonly headers: string[];
  /** `expires_in` changes with the wall clock's second: the monotonic instant of that. */
  readonly freshUntilMs: number;
}

/** The meaning of a request target. It is always the same, so it is parsed once. */
interface Asked {
  readonly request: KeyedRequest;
  readonly bypassCache: boolean;
  /** As the caller wrote it: clients compare it with their request. */
  readonly resource: string;
  /** The last answer. It goes when the source drops its token, so that no copy outlives the token itself. */
  readonly rendered: WeakMap<Token, RenderedToken>;
}

/**
 * Room for two different targets for each cached token. Real targets are shorter than this.
 */
export const memoLimits = { maxEntries: 512, maxKeyLength: 2_048 };

/** Longer answers are rendered for each request, so that all kept ones together stay under 8 MiB. */
export const maxRememberedLength = 16 * 1_024;

/**
 * Characters in the heads of all requests that wait. They stay on the heap meanwhile, which cannot hold 2,000
 * of 12 KiB; those of real clients have less than a thousand.
 */
export const maxWaitingLength = 4 * 1_048_576;

export function createTokenHandler(
  { clock, logger, metrics, source, policy, nextRequestId }: TokenHandlerDeps,
  { maxWaiting }: { readonly maxWaiting: number },
): TokenHandler {
  const askedByTarget = createBoundedMemo<Asked>(memoLimits);
  const audited = new WeakSet<Token>();
  let waiting = 0;
  let waitingLength = 0;
  let stopped = false;

  const toAsked = ({ resource, selectors, bypassCache }: TokenQuery): Asked => {
    const allowed = toAllowedResource(resource, policy);
    const request = toKeyed({ identity: toIdentity(selectors, policy), resource: allowed });
    return { request, bypassCache, resource, rendered: new WeakMap() };
  };

  /** For IMDS only: any request that passes the guard may get the answer to a known target. */
  const toKnownAsked = (target: string, query: string): Asked => {
    const known = askedByTarget.get(target);
    if (known !== undefined) return known;
    const asked = toAsked(parseTokenQuery(query));
    askedByTarget.set(target, asked);
    return asked;
  };

  const obtain = async (call: Call, asked: Asked): Promise<Token> => {
    call.subject = { clientId: asked.request.identity.clientId, resource: asked.request.resource };
    const cached = asked.bypassCache ? undefined : source.peek(asked.request.key);
    if (cached !== undefined) return cached;
    if (stopped) throw new ProxyError('ERR_SHUTTING_DOWN', 'the server is stopping');
    const length = toHeadLength(call.request);
    if (waiting >= maxWaiting || waitingLength + length > maxWaitingLength) {
      throw new ProxyError('ERR_THROTTLED', 'too many requests are waiting', {
        retryAfterSeconds: 1,
      });
    }
    waiting += 1;
    waitingLength += length;
    try {
      const correlationId = findCorrelationId(call.request.rawHeaders);
      return await source.get(
        correlationId === undefined ? asked.request : { ...asked.request, correlationId },
        { bypassCache: asked.bypassCache },
      );
    } finally {
      waiting -= 1;
      waitingLength -= length;
    }
  };

  /** Logs each token that Entra issued once at info, for any number of callers. */
  const audit = (call: Call, token: Token, startedEpochMs: number, durationMs: number): void => {
    const isNew =
      !audited.has(token) && token.issuedAtSeconds >= Math.floor(startedEpochMs / 1_000);
    audited.add(token);
    const level = isNew ? 'info' : 'debug';
    if (!logger.isEnabled(level)) return;
    logger.log(level, isNew ? 'successfully acquired token' : 'token request', {
      ...toLogFields(call, 200, durationMs),
      client_id: token.identity.clientId,
      resource: token.resource,
      expires_on: token.expiresAtSeconds,
      cache: isNew ? 'miss' : 'hit',
    });
  };

  /** Renders a token once a second at most, for all its callers. */
  const write = (
    asked: Asked,
    token: Token,
    { response, id }: Destination,
    nowMs: number,
  ): void => {
    let rendered = asked.rendered.get(token);
    if (rendered === undefined || nowMs >= rendered.freshUntilMs) {
      rendered = toRenderedToken(asked, token, nowMs, clock.epochMs());
      if (rendered.body.length <= maxRememberedLength) asked.rendered.set(token, rendered);
    }
    rendered.headers[rendered.headers.length - 1] = id;
    response.writeHead(200, rendered.headers);
    response.end(rendered.body);
  };

  const respond = async (
    call: Call,
    asked: Asked,
    writeToken: (token: Token) => void,
  ): Promise<void> => {
    const startedEpochMs = clock.epochMs();
    const token = await obtain(call, asked);
    writeToken(token);
    const durationMs = clock.monotonicMs() - call.startedAtMs;
    metrics.requestFinished('token', 200, durationMs);
    audit(call, token, startedEpochMs, durationMs);
  };

  return {
    answerFromMemory(request, response, startedAtMs) {
      const asked = askedByTarget.get(request.url ?? '');
      if (asked === undefined || asked.bypassCache) return false;
      const token = source.peek(asked.request.key);
      if (token === undefined) return false;

      const id = nextRequestId();
      write(asked, token, { response, id }, startedAtMs);

      const durationMs = clock.monotonicMs() - startedAtMs;
      metrics.requestFinished('token', 200, durationMs);
      if (logger.isEnabled('debug')) {
        logger.log('debug', 'token request', {
          ...toLogFields({ request, id }, 200, durationMs),
          cache: 'hit',
        });
      }
      return true;
    },

    async answer(call, query) {
      const asked = toKnownAsked(call.request.url ?? '', query);
      await respond(call, asked, (token) => write(asked, token, call, clock.monotonicMs()));
    },

    async answerAs(call, query, toBody) {
      const asked = toAsked(query);
      await respond(call, asked, (token) =>
        reply(call, 200, jsonType, toBody({ ...token, resource: asked.resource })),
      );
    },

    stopWaiting() {
      stopped = true;
    },
  };
}

/** @param nowMs and `nowEpochMs` are the same instant on both clocks. */
function toRenderedToken(
  { resource }: Pick<Asked, 'resource'>,
  token: Token,
  nowMs: number,
  nowEpochMs: number,
): RenderedToken {
  const body = toTokenBody({ ...token, resource }, nowEpochMs);
  return {
    body,
    headers: toHeaders(jsonType, Buffer.byteLength(body), ''),
    freshUntilMs: nowMs + 1_000 - (nowEpochMs % 1_000),
  };
}

function toHeadLength({ url = '', rawHeaders }: IncomingMessage): number {
  return rawHeaders.reduce((sum, text) => sum + text.length, url.length);
}

/** The caller's own ID of its request, if it is a GUID. The real service also passes it to Entra. */
function findCorrelationId(rawHeaders: readonly string[]): string | undefined {
  const [value] = headerValues(rawHeaders, 'x-ms-client-request-id');
  return value !== undefined && isGuid(value) ? value : undefined;
}

/** Values that can be computed again when they are missing. */
export interface BoundedMemo<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  readonly size: number;
}

export interface MemoLimits {
  readonly maxEntries: number;
  /** Longer keys are not kept, so that the number of entries limits the memory. */
  readonly maxKeyLength: number;
}

/**
 * A map that is emptied when it is full. A lost entry costs one computation. Tracking use, to drop the oldest
 * entry only, would cost every look-up.
 */
export function createBoundedMemo<Value>({
  maxEntries,
  maxKeyLength,
}: MemoLimits): BoundedMemo<Value> {
  const entries = new Map<string, Value>();
  return {
    get: (key) => entries.get(key),
    set(key, value) {
      if (key.length > maxKeyLength) return;
      if (entries.size >= maxEntries) entries.clear();
      entries.set(key, value);
    },
    get size() {
      return entries.size;
    },
  };
}
