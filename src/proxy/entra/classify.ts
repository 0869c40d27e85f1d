import { type ErrorCode, ProxyError } from '../errors.ts';
import { type AadstsMeaning, findAadstsRule } from './aadsts.ts';
import { type Presented, toAadstsHint } from './hints.ts';
import { redact, redactAndCut } from './redact.ts';
import type { RetryClass } from './retry.ts';
import type { MeaninglessReply, RefusedReply } from './token-reply.ts';

/** Why an attempt brought no token, and when another one may. */
export interface Failure {
  readonly error: ProxyError;
  readonly retry: RetryClass;
}

export interface FailureContext extends Presented {
  /** The ID that was sent. */
  readonly correlationId: string;
}

/** Entra's descriptions have up to about a thousand characters. */
const MAX_DESCRIPTION = 2_000;

/** Of an answer that is not Entra's: enough to recognise a firewall's page. For the log only. */
const MAX_EXCERPT = 200;

const codes: Readonly<Record<AadstsMeaning, ErrorCode>> = {
  rejected: 'ERR_REJECTED',
  throttled: 'ERR_THROTTLED',
  unavailable: 'ERR_UNAVAILABLE',
  assertion: 'ERR_ASSERTION',
  internal: 'ERR_INTERNAL',
};

export function classifyRefusal(reply: RefusedReply, context: FailureContext): Failure {
  const { aadsts, status, retryAfterSeconds } = reply;
  const rule = findAadstsRule(aadsts);
  const { means, retry } = toMeaning(reply);
  const oauthError = /^[\w.-]{1,64}$/.test(reply.oauthError) ? reply.oauthError : 'invalid_request';
  const description = redactAndCut(reply.text, MAX_DESCRIPTION);
  const error = new ProxyError(
    codes[means],
    `Entra refused with status ${status}: ${oauthError} ${description}`,
    {
      oauthError,
      description: description === '' ? undefined : description,
      hint: toAadstsHint(aadsts, context),
      aadsts,
      correlationId: toGuid(reply.correlationId) ?? context.correlationId,
      traceId: toGuid(reply.traceId),
      timestamp: toTimestamp(reply.timestamp),
      retryAfterSeconds: retryAfterSeconds ?? rule?.retryAfterSeconds,
      assertionExpiresAtSeconds: context.claims.expiresAtSeconds,
    },
  );
  return { error, retry };
}

function toMeaning(reply: RefusedReply): { means: AadstsMeaning; retry: RetryClass } {
  const rule = findAadstsRule(reply.aadsts);
  if (reply.status === 429 && rule?.means !== 'throttled') {
    return { means: 'throttled', retry: 'throttled' };
  }
  if (rule !== undefined) return rule;
  const isTransient =
    reply.status >= 500 || /^(temporarily_unavailable|server_error)$/.test(reply.oauthError);
  return isTransient
    ? { means: 'unavailable', retry: 'transient' }
    : { means: 'rejected', retry: 'none' };
}

/** An answer that is not from Entra's token endpoint, or not all of it. */
export function classifyMeaningless(reply: MeaninglessReply, context: FailureContext): Failure {
  const { status, retryAfterSeconds } = reply;
  const isThrottled = status === 429;
  const isWorthAnother = status < 300 || status >= 500 || status === 408;
  const description = `${context.authorityHost} answered with status ${status} and no token that can be used.`;
  const excerpt = redactAndCut(reply.text.slice(0, 4_096).replace(/\s+/g, ' '), MAX_EXCERPT);
  const error = new ProxyError(
    isThrottled ? 'ERR_THROTTLED' : 'ERR_UNAVAILABLE',
    `${description} It starts: ${excerpt}`,
    {
      description,
      hint: isThrottled
        ? undefined
        : 'A proxy or firewall between the pod and Entra may have answered instead; the log of the proxy shows how the answer starts. Check AZURE_AUTHORITY_HOST as well.',
      correlationId: context.correlationId,
      traceId: toGuid(reply.requestId),
      retryAfterSeconds,
      assertionExpiresAtSeconds: context.claims.expiresAtSeconds,
    },
  );
  if (isThrottled) return { error, retry: 'throttled' };
  return { error, retry: isWorthAnother ? 'transient' : 'none' };
}

/** No answer: the name did not resolve, the connection failed, TLS did not come to terms, time ran out. */
export function classifyNetworkFault(thrown: unknown, context: FailureContext): Failure {
  const code = toFaultCode(thrown);
  const { isTimeout, description, hint, retry } = describeFault(code, context.authorityHost);
  const detail = thrown instanceof Error ? redact(thrown.message) : '';
  const error = new ProxyError(
    isTimeout ? 'ERR_TIMEOUT' : 'ERR_UNAVAILABLE',
    `${description} ${detail}`.trim(),
    {
      description,
      hint,
      correlationId: context.correlationId,
      assertionExpiresAtSeconds: context.claims.expiresAtSeconds,
    },
    { cause: thrown },
  );
  return { error, retry };
}

/** An attempt that its own deadline has ended. */
export function classifyDeadline(afterMs: number, context: FailureContext): Failure {
  const seconds = Math.round(afterMs / 100) / 10;
  const description = `${context.authorityHost} gave no answer within ${seconds} s.`;
  const error = new ProxyError('ERR_TIMEOUT', description, {
    description,
    hint: egressHint(context.authorityHost),
    correlationId: context.correlationId,
    assertionExpiresAtSeconds: context.claims.expiresAtSeconds,
  });
  return { error, retry: 'transient' };
}

interface FaultDescription {
  readonly isTimeout: boolean;
  readonly description: string;
  readonly hint: string;
  readonly retry: RetryClass;
}

function describeFault(code: string, host: string): FaultDescription {
  if (/^(ENOTFOUND|EAI_)/.test(code)) {
    return {
      isTimeout: false,
      description: `The name of ${host} could not be resolved (${code}).`,
      hint: "Check AZURE_AUTHORITY_HOST, the pod's DNS settings, and that a NetworkPolicy lets it ask the cluster's DNS.",
      retry: 'transient',
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      isTimeout: false,
      description: `The certificate of ${host} is for another name (${code}).`,
      hint: 'Check AZURE_AUTHORITY_HOST, and that nothing between the pod and Entra intercepts TLS.',
      retry: 'none',
    };
  }
  if (
    /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$)/.test(code)
  ) {
    return {
      isTimeout: false,
      description: `TLS with ${host} failed (${code}).`,
      hint: 'If a proxy or firewall intercepts TLS, add its CA with NODE_EXTRA_CA_CERTS; otherwise check the clock of the node.',
      retry: 'none',
    };
  }
  const isTimeout = code === 'ETIMEDOUT' || /^UND_ERR_\w+_TIMEOUT$/.test(code);
  return {
    isTimeout,
    description: isTimeout
      ? `${host} gave no answer in time (${code}).`
      : `The connection to ${host} failed (${code}).`,
    hint: egressHint(host),
    retry: 'transient',
  };
}

function egressHint(host: string): string {
  return `Check that NetworkPolicy, firewall and routes let the pod reach ${host}, and https://azure.status.microsoft for a fault of Entra.`;
}

/** Node hides the reason in an AggregateError when it has tried several addresses. */
function toFaultCode(thrown: unknown): string {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 4; depth += 1) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code)) return code;
    error = error instanceof AggregateError ? error.errors[0] : error.cause;
  }
  return 'unknown fault';
}

function toGuid(value: string | undefined): string | undefined {
  return value !== undefined && /^[\da-f-]{36}$/i.test(value) ? value : undefined;
}

function toTimestamp(value: string | undefined): string | undefined {
  return value !== undefined && /^[\w:.+ -]{1,40}$/.test(value) ? value : undefined;
}
