import type { Logger } from '../../../shared/logger.ts';
import type { Clock } from '../../clock.ts';
import { ProxyError } from '../../errors.ts';
import type { Identity, IssuedToken } from '../../exchange.ts';
import { withDeadline } from '../deadline.ts';
import { classifyDeadline, classifyFault } from '../explain/classify-fault.ts';
import { classifyMeaningless, classifyRefusal } from '../explain/classify-reply.ts';
import type { Failure, FailureContext } from '../explain/failure.ts';
import { redact } from '../explain/redact.ts';
import type { Transport } from '../transport/transport.ts';
import type { Assertion } from './assertion.ts';
import { type Endpoint, toPeerName } from './endpoint.ts';
import { type MsalResult, performMsalExchange } from './msal.ts';
import type { NetworkOutcome } from './msal-network.ts';

export interface AttemptDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface AttemptInput {
  readonly endpoint: Endpoint;
  /** Leads to that endpoint. */
  readonly transport: Transport;
  readonly identity: Identity;
  readonly assertion: Assertion;
  readonly scope: string;
  readonly correlationId: string;
  /** 1 for the first of an exchange. */
  readonly attempt: number;
  readonly deadlineMs: number;
}

export type AttemptResult =
  | { readonly kind: 'issued'; readonly token: IssuedToken }
  | { readonly kind: 'failed'; readonly failure: Failure };

/**
 * Asks for a token once and says what came of it, to the log as well.
 * @throws the signal's reason, and nothing else.
 */
export async function performAttempt(
  deps: AttemptDeps,
  input: AttemptInput,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const { clock, logger } = deps;
  const { endpoint } = input;
  const startedAt = clock.monotonicMs();
  const result = await exchangeOnce(deps, input, signal);
  const error = result.kind === 'failed' ? result.failure.error : undefined;
  logger.log(
    'debug',
    error === undefined
      ? `${toPeerName(endpoint)} issued a token`
      : `attempt failed: ${error.message}`,
    {
      attempt: input.attempt,
      duration_ms: Math.round(clock.monotonicMs() - startedAt),
      authority: endpoint.authorityHost,
      token_proxy: endpoint.tokenProxy?.url,
      correlation_id: input.correlationId,
      error_code: error?.code,
      aadsts: error?.details.aadsts,
      trace_id: error?.details.traceId,
    },
  );
  return result;
}

async function exchangeOnce(
  deps: AttemptDeps,
  input: AttemptInput,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const { clock, logger } = deps;
  const { endpoint, transport, identity, assertion, correlationId, deadlineMs } = input;
  const { authorityHost } = endpoint;
  const context = (): FailureContext => ({
    ...endpoint,
    identity,
    claims: assertion.claims,
    nowMs: clock.epochMs(),
    correlationId,
  });
  const deadline = new Error('the deadline of the attempt');
  let result: MsalResult;
  try {
    result = await withDeadline(
      clock,
      { afterMs: deadlineMs, toError: () => deadline },
      signal,
      (attemptSignal) =>
        performMsalExchange(
          { clock, logger, transport },
          { identity, assertion, scope: input.scope, correlationId, authorityHost },
          attemptSignal,
        ),
    );
  } catch (thrown) {
    if (thrown !== deadline) throw thrown;
    return { kind: 'failed', failure: classifyDeadline(deadlineMs, context()) };
  }
  switch (result.kind) {
    case 'issued':
      return result;
    case 'failed':
      return { kind: 'failed', failure: classify(result.outcome, context()) };
    case 'broken':
      return { kind: 'failed', failure: toInternalFailure(result.thrown) };
  }
}

function classify(outcome: NetworkOutcome, context: FailureContext): Failure {
  if (outcome.kind === 'fault') return classifyFault(outcome.thrown, context);
  const { reply } = outcome;
  switch (reply.kind) {
    case 'refused':
      return classifyRefusal(reply, context);
    case 'meaningless':
      return classifyMeaningless(reply, context);
    case 'issued':
      return toInternalFailure(new Error('a token is no failure'));
  }
}

function toInternalFailure(thrown: unknown): Failure {
  const text =
    thrown instanceof Error ? `${thrown.name}: ${redact(thrown.message)}` : typeof thrown;
  const error = new ProxyError('ERR_INTERNAL', `MSAL failed: ${text}`, {}, { cause: thrown });
  return { error, retry: 'none' };
}
