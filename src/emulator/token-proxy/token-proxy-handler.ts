import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../clock.ts';
import type { Identity } from '../entra-tenant/identity.ts';
import { toJournaledAssertion } from '../entra-tenant/journaled-assertion.ts';
import { readBody } from '../http/body.ts';
import type { FormAnswer } from '../http/post-form.ts';
import { toRequestUrl } from '../http/request-url.ts';
import { type WireAnswer, writeAnswer } from '../http/wire-answer.ts';
import type { Journal } from '../journal.ts';
import type { Bindings } from './bindings.ts';
import { toStatusAnswer } from './kubernetes-status.ts';
import type { TokenReview } from './token-review.ts';

export interface TokenProxyHandlerDeps {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly bindings: Bindings;
  readonly findIdentity: (clientId: string) => Identity | undefined;
  readonly review: TokenReview;
  /** Asks Entra with an assertion of the binding's issuer in place of the pod's. */
  readonly exchange: (
    identity: Identity,
    form: URLSearchParams,
    signal: AbortSignal,
  ) => Promise<FormAnswer>;
  readonly onError: (error: unknown) => void;
}

/** How long Entra may take. */
const exchangeDeadlineMs = 9_000;

type Answer = WireAnswer & { readonly headers?: Record<string, string> };

/**
 * Answers what arrives at the address of the API server: with the token proxy for its TLS server name,
 * whatever path and Host say, and as the API server answers strangers for any other.
 */
export function createTokenProxyHandler(
  deps: TokenProxyHandlerDeps,
  { serverName }: { readonly serverName: string },
): RequestListener {
  const { clock, journal, onError } = deps;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startedAtMs = clock.monotonicMs();
    const { pathname } = toRequestUrl(request, 'https://token-proxy');
    const asked = (request.socket as TLSSocket).servername;
    const body = await readBody(request);
    const form = new URLSearchParams(body);
    const end = journal.begin({
      server: 'token-proxy',
      method: request.method ?? '',
      path: pathname,
      serverName: typeof asked === 'string' ? asked : undefined,
      clientId: form.get('client_id') ?? undefined,
      scope: form.get('scope') ?? undefined,
      correlationId: form.get('client-request-id') ?? undefined,
      assertion: toJournaledAssertion(form.get('client_assertion')),
    });
    const toAnswer = (): Answer | Promise<Answer> => {
      if (asked !== serverName) return toStranger(request.method, pathname);
      if (request.method !== 'POST') return toStatusAnswer(405, 'the token proxy takes POST alone');
      if (body === undefined) return toStatusAnswer(400, 'the body is above 64 KiB');
      return toTokenAnswer(deps, form);
    };
    const { headers, ...wire } = await toAnswer();
    if (!response.destroyed) writeAnswer(response, wire, headers);
    end({ status: wire.status, durationMs: clock.monotonicMs() - startedAtMs });
  };

  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.destroy();
      // A client that leaves in the middle of a request is not a fault of the emulator.
      if (!request.destroyed || request.complete) onError(error);
    });
  };
}

async function toTokenAnswer(
  { bindings, findIdentity, review, exchange }: TokenProxyHandlerDeps,
  form: URLSearchParams,
): Promise<Answer> {
  const subject = await review(form.get('client_assertion') ?? '');
  if (subject === undefined) return toStatusAnswer(401, 'Unauthorized');
  const clientId = form.get('client_id') ?? '';
  const binding = bindings.find(clientId);
  const identity = findIdentity(clientId);
  if (binding === undefined || identity === undefined) {
    return toStatusAnswer(404, `identitybindings "${clientId}" not found`);
  }
  if (!binding.subjects.includes(subject)) {
    const resource = `${clientId}.cid.wi.aks.azure.com`;
    return toStatusAnswer(
      403,
      `${resource} is forbidden: User "${subject}" cannot use-managed-identity resource "${clientId}" in API group "cid.wi.aks.azure.com" at the cluster scope`,
    );
  }
  const signal = AbortSignal.timeout(exchangeDeadlineMs);
  try {
    return toRelayed(await exchange(identity, form, signal));
  } catch (error) {
    if (signal.aborted) return toStatusAnswer(504, 'Entra gave no answer in time');
    const reason = error instanceof Error ? error.message : String(error);
    return toStatusAnswer(502, `Entra could not be asked: ${reason}`);
  }
}

function toRelayed({ status, headers, body }: FormAnswer): Answer {
  const kept = ['retry-after', 'client-request-id', 'x-ms-request-id', 'cache-control'];
  const relayed = kept.flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  const contentType = headers['content-type'] ?? 'application/octet-stream';
  return { status, contentType, body, headers: Object.fromEntries(relayed) };
}

function toStranger(method: string | undefined, path: string): Answer {
  const verb = (method ?? '').toLowerCase();
  return toStatusAnswer(403, `forbidden: User "system:anonymous" cannot ${verb} path "${path}"`);
}
