import { isGuid } from '../../../shared/guid.ts';
import { type ErrorCode, ProxyError } from '../../errors.ts';
import { toPeerHost, toPeerName } from '../exchange/endpoint.ts';
import type { RetryClass } from '../exchange/retry.ts';
import type { MeaninglessReply, RefusedReply } from '../exchange/token-reply.ts';
import { type AadstsMeaning, findAadstsRule } from './aadsts.ts';
import type { Failure, FailureContext } from './failure.ts';
import { toAadstsHint } from './hints.ts';
import { redactAndCut } from './redact.ts';
import { toTokenProxyRefusal } from './token-proxy-refusal.ts';

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

/** Entra said no, in OAuth's words; a token proxy hands them on. */
export function classifyRefusal(reply: RefusedReply, context: FailureContext): Failure {
  const { aadsts, status, retryAfterSeconds } = reply;
  const { means, retry } = toMeaning(reply);
  const oauthError = /^[\w.-]{1,64}$/.test(reply.oauthError) ? reply.oauthError : 'invalid_request';
  const text = redactAndCut(reply.text, MAX_DESCRIPTION);
  const error = new ProxyError(
    codes[means],
    `${toPeerName(context)} refused with status ${status}: ${oauthError} ${text}`.trim(),
    {
      oauthError,
      description:
        text === '' ? `${toPeerName(context)} refused with the error ${oauthError}.` : text,
      hint: toAadstsHint(aadsts, context),
      aadsts,
      correlationId: toGuid(reply.correlationId) ?? context.correlationId,
      traceId: toGuid(reply.traceId),
      timestamp: toTimestamp(reply.timestamp),
      retryAfterSeconds: retryAfterSeconds ?? findAadstsRule(aadsts)?.retryAfterSeconds,
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

/** An answer that does not come from Entra's token endpoint, or only half of one. */
export function classifyMeaningless(reply: MeaninglessReply, context: FailureContext): Failure {
  const { status, retryAfterSeconds } = reply;
  const refusal = context.tokenProxy && toTokenProxyRefusal(reply, context);
  if (refusal !== undefined) {
    const { means, oauthError, description, hint, retry } = refusal;
    const { correlationId, claims } = context;
    const details = {
      oauthError,
      description,
      hint,
      correlationId,
      assertionExpiresAtSeconds: claims.expiresAtSeconds,
    };
    return { error: new ProxyError(means, description, details), retry };
  }
  const isThrottled = status === 429;
  const host = toPeerHost(context);
  const description = `${host} answered with status ${status} and no token that can be used.`;
  const excerpt = redactAndCut(reply.text.slice(0, 4_096).replace(/\s+/g, ' '), MAX_EXCERPT);
  const error = new ProxyError(
    isThrottled ? 'ERR_THROTTLED' : 'ERR_UNAVAILABLE',
    `${description} It starts: ${excerpt}`,
    {
      description,
      hint: isThrottled ? undefined : toStrangerHint(context),
      correlationId: context.correlationId,
      traceId: toGuid(reply.requestId),
      retryAfterSeconds,
      assertionExpiresAtSeconds: context.claims.expiresAtSeconds,
    },
  );
  return { error, retry: isThrottled ? 'throttled' : toRetry(status) };
}

function toStrangerHint({ authorityHost, tokenProxy }: FailureContext): string {
  const log = 'The log shows how the answer starts.';
  return tokenProxy === undefined
    ? `A proxy or firewall between the pod and Entra may have answered instead. ${log} Check AZURE_AUTHORITY_HOST (${authorityHost}) as well.`
    : `The API server or something before it may have answered instead of the token proxy. ${log} Check AZURE_KUBERNETES_TOKEN_PROXY (${tokenProxy.url}) and AZURE_KUBERNETES_SNI_NAME (${tokenProxy.serverName ?? 'not set'}).`;
}

/** Another status of the 300s or 400s comes from a peer that will say the same again. */
function toRetry(status: number): RetryClass {
  return status < 300 || status === 408 || status >= 500 ? 'transient' : 'none';
}

function toGuid(value: string | undefined): string | undefined {
  return value !== undefined && isGuid(value) ? value : undefined;
}

function toTimestamp(value: string | undefined): string | undefined {
  return value !== undefined && /^[\w:.+ -]{1,40}$/.test(value) ? value : undefined;
}
