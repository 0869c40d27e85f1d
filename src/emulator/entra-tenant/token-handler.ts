import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isGuid } from '../../shared/guid.ts';
import type { Clock } from '../clock.ts';
import type { Disturbance, FaultScript } from '../faults/fault-script.ts';
import { readBody } from '../http/body.ts';
import type { Listener } from '../http/listener.ts';
import { toJsonAnswer, writeAnswer } from '../http/wire-answer.ts';
import type { Journal } from '../journal.ts';
import { type TokenWireAnswer, toDisturbedAnswer, toWireAnswer } from './disturbed-answer.ts';
import { toJournaledAssertion } from './journaled-assertion.ts';
import { type RequestIds, toErrorAnswer } from './refusal.ts';
import { knownValues, type TokenEndpoint } from './token-endpoint.ts';

/** Answers one request to a tenant's token endpoint, or fails it as the fault script says. */
export type TokenHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  target: { readonly tenant: string; readonly url: URL },
) => Promise<void>;

export function createTokenHandler(deps: {
  readonly clock: Clock;
  readonly endpoint: TokenEndpoint;
  readonly faults: FaultScript;
  readonly journal: Journal;
  readonly listener: Pick<Listener, 'reset'>;
}): TokenHandler {
  const { clock, endpoint, faults, journal, listener } = deps;

  return async (request, response, { tenant, url }) => {
    const startedAtMs = clock.monotonicMs();
    const body = await readBody(request);
    const form = new URLSearchParams(body);
    // Other requests do not use up a fault.
    const isTokenRequest = request.method === 'POST' && body !== undefined;
    const ids = toRequestIds(request, url, form, clock.epochMs());
    const end = journal.begin({
      server: 'tenant',
      method: request.method ?? '',
      path: url.pathname,
      tenant,
      clientId: form.get('client_id') ?? undefined,
      scope: form.get('scope') ?? undefined,
      correlationId: ids.correlationId,
      assertion: toJournaledAssertion(form.get('client_assertion')),
    });

    /** The answer, or undefined for no answer. */
    const toAnswer = async ({
      delayMs,
      effect,
    }: Disturbance): Promise<TokenWireAnswer | undefined> => {
      if (body === undefined) return toJsonAnswer(413, { error: 'the body is above 64 KiB' });
      const values = knownValues(tenant, form);
      if (request.method !== 'POST') {
        return toWireAnswer(toErrorAnswer(900561, { name: request.method }, ids));
      }
      if (delayMs > 0) await pause(clock, delayMs, response);
      if (effect?.kind === 'reset') listener.reset(request);
      if (effect?.kind === 'hang') await closed(response);
      if (effect?.kind === 'reset' || effect?.kind === 'hang') return undefined;
      const credentialsVisible = effect?.kind !== 'not-propagated';
      const answer = await endpoint({ tenant, form, ids, credentialsVisible });
      return effect === undefined
        ? toWireAnswer(answer)
        : toDisturbedAnswer(effect, answer, ids, values);
    };

    const disturbance = isTokenRequest
      ? faults.take({
          clientId: form.get('client_id') ?? '',
          resource: (form.get('scope') ?? '').replace(/\/\.default$/, ''),
        })
      : { delayMs: 0, effect: undefined };
    const answer = await toAnswer(disturbance);
    if (answer !== undefined && !response.destroyed) {
      writeAnswer(response, answer, toHeaders(ids));
    }
    const written = response.headersSent ? answer : undefined;
    end({
      status: written?.status,
      error: written?.error,
      aadsts: written?.aadsts,
      fault: disturbance.effect?.kind ?? (disturbance.delayMs > 0 ? 'delay' : undefined),
      durationMs: clock.monotonicMs() - startedAtMs,
    });
  };
}

/** The client's correlation ID from wherever it put one: header, query (as MSAL does) or form. */
function toRequestIds(
  request: IncomingMessage,
  url: URL,
  form: URLSearchParams,
  epochMs: number,
): RequestIds {
  const name = 'client-request-id';
  const candidates = [request.headers[name], url.searchParams.get(name), form.get(name)];
  const given = candidates.find((value) => typeof value === 'string' && isGuid(value));
  return { correlationId: String(given ?? randomUUID()), traceId: randomUUID(), epochMs };
}

function toHeaders({ correlationId, traceId }: RequestIds) {
  return {
    'Cache-Control': 'no-store, no-cache',
    Pragma: 'no-cache',
    Expires: '-1',
    'client-request-id': correlationId,
    'x-ms-request-id': traceId,
    'x-ms-ests-server': 'emulator',
  };
}

/** Waits, but not for a client that has gone. */
function pause(clock: Clock, delayMs: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(delayMs, resolve);
    void closed(response).then(() => {
      cancel();
      resolve();
    });
  });
}

function closed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) resolve();
    else response.once('close', () => resolve());
  });
}
