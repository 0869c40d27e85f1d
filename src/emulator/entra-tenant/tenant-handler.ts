import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { toRequestUrl } from '../http/request-url.ts';
import { toJsonAnswer, type WireAnswer, writeAnswer } from '../http/wire-answer.ts';
import type { Journal } from '../journal.ts';
import type { Discovery } from './discovery.ts';
import { Refusal, toErrorAnswer } from './refusal.ts';
import type { TokenHandler } from './token-handler.ts';

const tokenPath = /^\/([^/]+)\/oauth2\/v2\.0\/token$/;

/** Routes what arrives at `login.microsoftonline.com`: the token endpoint and the public documents. */
export function createTenantHandler(deps: {
  readonly clock: Clock;
  readonly tokenHandler: TokenHandler;
  readonly discovery: Discovery;
  readonly journal: Journal;
  /** Stands in for a `Host` that cannot be the name of this server. */
  readonly authorityHost: string;
  /** Called with a fault inside the emulator itself. */
  readonly onError: (error: unknown) => void;
}): RequestListener {
  const { clock, tokenHandler, discovery, journal, authorityHost, onError } = deps;

  const answerDocument = (request: IncomingMessage, response: ServerResponse, url: URL): void => {
    const end = journal.begin({
      server: 'tenant',
      method: request.method ?? '',
      path: url.pathname,
    });
    const answer = toAnswer(request.method, url);
    writeAnswer(response, answer, answer.status === 405 ? { Allow: 'GET, HEAD' } : {});
    end({ status: answer.status, durationMs: 0 });
  };

  const toAnswer = (method: string | undefined, { pathname, origin }: URL): WireAnswer => {
    try {
      return toDocumentAnswer(method, discovery.document(pathname, origin));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const ids = { correlationId: randomUUID(), traceId: randomUUID(), epochMs: clock.epochMs() };
      const { status, body } = toErrorAnswer(error.code, error.values, ids);
      return toJsonAnswer(status, body);
    }
  };

  return (request, response) => {
    // Clients compare their clock with it.
    response.setHeader('Date', new Date(clock.epochMs()).toUTCString());
    const url = toRequestUrl(request, toOrigin(request, authorityHost));
    const tenant = tokenPath.exec(url.pathname)?.[1];
    if (tenant === undefined) {
      answerDocument(request, response, url);
      return;
    }
    tokenHandler(request, response, { tenant: decodeTenant(tenant), url }).catch(
      (error: unknown) => {
        response.destroy();
        // A client that leaves in the middle of a request is not a fault of the emulator.
        if (!request.destroyed || request.complete) onError(error);
      },
    );
  };
}

function toDocumentAnswer(method: string | undefined, document: unknown): WireAnswer {
  if (document === undefined) return toJsonAnswer(404, { error: 'there is nothing at this path' });
  if (method === 'GET' || method === 'HEAD') return toJsonAnswer(200, document);
  return toJsonAnswer(405, { error: 'this path answers GET and HEAD' });
}

/** Where the client believes to be, since documents name URLs that the client can reach. */
function toOrigin({ headers: { host = '' } }: IncomingMessage, fallback: string): string {
  const isName = /^[\w.-]+(:\d+)?$|^\[[\da-f:]+\](:\d+)?$/i.test(host);
  return isName && URL.canParse(`https://${host}`) ? `https://${host}` : fallback;
}

function decodeTenant(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
