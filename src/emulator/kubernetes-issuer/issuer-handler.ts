import type { RequestListener } from 'node:http';
import { toRequestUrl } from '../http/request-url.ts';
import { toJsonAnswer, writeAnswer } from '../http/wire-answer.ts';
import type { Journal } from '../journal.ts';
import type { KubernetesIssuer } from './kubernetes-issuer.ts';

/** Serves the issuer's public documents under the path of its URL, whatever name the client used. */
export function createIssuerHandler(deps: {
  readonly issuer: KubernetesIssuer;
  readonly journal: Journal;
}): RequestListener {
  const { issuer, journal } = deps;
  return (request, response) => {
    const { pathname } = toRequestUrl(request, issuer.url);
    const end = journal.begin({ server: 'issuer', method: request.method ?? '', path: pathname });
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const document = isRead ? issuer.document(new URL(pathname, issuer.url).href) : undefined;
    const answer =
      document === undefined
        ? toJsonAnswer(404, { error: 'there is nothing at this path' })
        : toJsonAnswer(200, document);
    writeAnswer(response, answer);
    end({ status: answer.status, durationMs: 0 });
  };
}
