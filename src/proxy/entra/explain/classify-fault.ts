import { ProxyError } from '../../errors.ts';
import { type Endpoint, toPeerHost } from '../exchange/endpoint.ts';
import { type Fault, findExplanation } from '../transport/explained-fault.ts';
import type { Failure, FailureContext } from './failure.ts';
import { redact } from './redact.ts';
import { isTlsFault } from './tls-fault.ts';
import { toTokenProxyFault } from './token-proxy-fault.ts';

/** No answer: the name did not resolve, the connection failed, TLS found no agreement, time ran out. */
export function classifyFault(thrown: unknown, context: FailureContext): Failure {
  const explanation = findExplanation(thrown);
  if (explanation !== undefined) {
    return toFailure(explanation, explanation.description, context, thrown);
  }
  const fault = toFault(findCode(thrown), context);
  const detail = thrown instanceof Error ? redact(thrown.message) : '';
  return toFailure(fault, `${fault.description} ${detail}`.trim(), context, thrown);
}

/** An attempt that its own deadline has ended. */
export function classifyDeadline(afterMs: number, context: FailureContext): Failure {
  const host = toPeerHost(context);
  const description = `${host} gave no answer within ${Math.round(afterMs / 100) / 10} s.`;
  const fault: Fault = {
    means: 'ERR_TIMEOUT',
    description,
    hint: toEgressHint(context),
    retry: 'transient',
  };
  return toFailure(fault, description, context, undefined);
}

function toFailure(
  { means, description, hint, retry }: Fault,
  message: string,
  { correlationId, claims }: FailureContext,
  cause: unknown,
): Failure {
  const details = {
    description,
    hint,
    correlationId,
    assertionExpiresAtSeconds: claims.expiresAtSeconds,
  };
  return { error: new ProxyError(means, message, details, { cause }), retry };
}

/** The client is told the code and not the message, which names addresses. */
function toFault(code: string, endpoint: Endpoint): Fault {
  const { tokenProxy } = endpoint;
  const special = tokenProxy === undefined ? undefined : toTokenProxyFault(code, tokenProxy);
  if (special !== undefined) return special;
  const host = toPeerHost(endpoint);
  if (/^(ENOTFOUND|EAI_)/.test(code)) {
    return {
      means: 'ERR_UNAVAILABLE',
      description: `The name ${host} could not be resolved (${code}).`,
      hint: "Check AZURE_AUTHORITY_HOST, the pod's DNS settings, and that NetworkPolicy lets it ask the cluster's DNS.",
      retry: 'transient',
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      means: 'ERR_UNAVAILABLE',
      description: `The certificate of ${host} is for another name (${code}).`,
      hint: 'Check AZURE_AUTHORITY_HOST, and that nothing between the pod and Entra intercepts TLS.',
      retry: 'none',
    };
  }
  if (isTlsFault(code)) {
    return {
      means: 'ERR_UNAVAILABLE',
      description: `TLS with ${host} failed (${code}).`,
      hint: 'If a proxy or firewall intercepts TLS, add its CA with NODE_EXTRA_CA_CERTS; otherwise check the clock of the node.',
      retry: 'none',
    };
  }
  const isTimeout = code === 'ETIMEDOUT' || /^UND_ERR_\w+_TIMEOUT$/.test(code);
  return {
    means: isTimeout ? 'ERR_TIMEOUT' : 'ERR_UNAVAILABLE',
    description: isTimeout
      ? `${host} gave no answer in time (${code}).`
      : `The connection to ${host} failed (${code}).`,
    hint: toEgressHint(endpoint),
    retry: 'transient',
  };
}

function toEgressHint(endpoint: Endpoint): string {
  const host = toPeerHost(endpoint);
  if (endpoint.tokenProxy !== undefined) {
    return `Check that NetworkPolicy, firewall and routes let the pod reach ${host}, where the API server of the cluster answers.`;
  }
  return `Check that NetworkPolicy, firewall and routes let the pod reach ${host}; see https://azure.status.microsoft for a fault of Entra.`;
}

/**
 * Node hides the code in an AggregateError when it has tried several addresses; undici's parser errors have
 * a name alone.
 */
function findCode(thrown: unknown): string {
  let error = thrown;
  let name = 'unknown fault';
  for (let depth = 0; error instanceof Error && depth < 4; depth += 1) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code === 'string' && /^[A-Z][A-Z\d_]{1,63}$/.test(code)) return code;
    if (/^\w{1,63}$/.test(error.name)) name = error.name;
    error = error instanceof AggregateError ? error.errors[0] : error.cause;
  }
  return name;
}
