import { ProxyError } from '../errors.ts';
import type { Failure, FailureContext } from './failure.ts';
import { redact } from './redact.ts';
import type { RetryClass } from './retry.ts';

interface Fault {
  readonly means: 'ERR_UNAVAILABLE' | 'ERR_TIMEOUT';
  readonly description: string;
  readonly hint: string;
  readonly retry: RetryClass;
}

/** No answer: the name did not resolve, the connection failed, TLS found no agreement, time ran out. */
export function classifyFault(thrown: unknown, context: FailureContext): Failure {
  const fault = toFault(findCode(thrown), new URL(context.authorityHost).host);
  const detail = thrown instanceof Error ? redact(thrown.message) : '';
  return toFailure(fault, `${fault.description} ${detail}`.trim(), context, thrown);
}

/** An attempt that its own deadline has ended. */
export function classifyDeadline(afterMs: number, context: FailureContext): Failure {
  const { host } = new URL(context.authorityHost);
  const description = `${host} gave no answer within ${Math.round(afterMs / 100) / 10} s.`;
  const fault: Fault = {
    means: 'ERR_TIMEOUT',
    description,
    hint: toEgressHint(host),
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
function toFault(code: string, host: string): Fault {
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
  if (
    /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$)/.test(code)
  ) {
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
    hint: toEgressHint(host),
    retry: 'transient',
  };
}

function toEgressHint(host: string): string {
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
