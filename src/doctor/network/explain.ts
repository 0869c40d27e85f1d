import type { FailureContext, Peer } from '../../proxy/entra/explain/context.ts';
import { explainNoAnswer } from '../../proxy/entra/explain/no-answer.ts';
import { createTextFilter } from '../../shared/untrusted-text.ts';

/** A fault of the network in the words of the proxy's own errors. */
export interface ExplainedFault {
  /** A sentence without its full stop. */
  readonly summary: string;
  readonly fix: string;
}

/** @param thrown an error of a step of `PeerPath`, or the code of one */
export function explainNetworkFault(thrown: unknown, peer: Peer): ExplainedFault {
  const error =
    typeof thrown === 'string' ? Object.assign(new Error(thrown), { code: thrown }) : thrown;
  const { details } = explainNoAnswer(error, toContext(peer)).error;
  return {
    summary: (details.description ?? 'the connection failed').replace(/\.$/, ''),
    fix: details.hint ?? 'Look at the network of the pod.',
  };
}

/** No token was presented, so there is nothing to say of one. */
function toContext(peer: Peer): FailureContext {
  return {
    ...peer,
    identity: { clientId: '', tenantId: '' },
    claims: { issuer: undefined, subject: undefined, audiences: [], expiresAtSeconds: undefined },
    nowMs: 0,
    correlationId: '',
    clean: createTextFilter([]),
  };
}
