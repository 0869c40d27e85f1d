import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { toRequestUrl } from '../http/request-url.ts';
import { toJsonAnswer, type WireAnswer, writeAnswer } from '../http/wire-answer.ts';
import type { Journal } from '../journal.ts';
import type { Discovery } from './discovery.ts';
import type { TokenHandler } from './token-handler.ts';

const tokenPath = /^\/([^/]+)\/oauth2\/v2\.0\/token$/;

/** Routes what arrives at `login.microsoftonline.com`: the token endpoint and the public documents. */
export function createTenantHandler(deps: {
  readonly tokenHandler: TokenHandler;
  readonly discovery: Discovery;
  readonly journal: Journal;
  /** Stands in for a `Host` that cannot be the name of this server. */
  readonly authorityHost: string;
  /** Called with a fault inside the emulator itself. */
  readonly onError: (error: unknown) => void;
}): RequestListener {
  const { tokenHandler, discovery, journal, authorityHost, onError } = deps;

  const answerDocument = (request: IncomingMessage, response: ServerResponse, url: URL): void => {
    const end = journal.begin({
      server: 'tenant',
      method: request.method ?? '',
      path: url.pathname,
    });
    const document = discovery.document(url.pathname, url.origin);
    const answer = toDocumentAnswer(request.method, document);
    writeAnswer(response, answer, answer.status === 405 ? { Allow: 'GET, HEAD' } : {});
    end({ status: answer.status, durationMs: 0 });
  };

  return (request, response) => {
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
