import { type ErrorCode, type ErrorDetails, ProxyError } from '../../errors.ts';
import type { RefusedReply, UnusableReply } from '../exchange/reply.ts';
import { MAX_TOKEN_LENGTH } from '../exchange/reply.ts';
import { type AadstsMeaning, findAadstsRule } from './aadsts.ts';
import { toRbacCommand } from './commands.ts';
import {
  type Advice,
  type AttemptFailure,
  type FailureContext,
  type RetryClass,
  toPeerHost,
  toPeerName,
} from './context.ts';
import { toAadstsAdvice } from './hints.ts';

const codes: Readonly<Record<AadstsMeaning, ErrorCode>> = {
  rejected: 'ERR_REJECTED',
  throttled: 'ERR_THROTTLED',
  unavailable: 'ERR_UNAVAILABLE',
  assertion: 'ERR_ASSERTION',
  internal: 'ERR_INTERNAL',
};

/** Why an answer of Entra, of the token proxy, or of whatever stands in their place is not a token. */
export function explainAnswer(
  reply: RefusedReply | UnusableReply,
  context: FailureContext,
): AttemptFailure {
  if (reply.kind === 'refused') return explainRefusal(reply, context);
  const verdict =
    context.tokenProxy === undefined ? undefined : explainTokenProxyStatus(reply, context);
  return verdict ?? explainUnusable(reply, context);
}

/** Entra said no, in OAuth's words; a token proxy hands them on. */
function explainRefusal(reply: RefusedReply, context: FailureContext): AttemptFailure {
  const { oauthError, description, aadsts, status } = reply;
  const { means, retry } = toMeaning(reply);
  const name = toPeerName(context);
  return fail(
    codes[means],
    `${name} refused with status ${status}: ${oauthError} ${description}`.trim(),
    {
      ...toDetails(reply, context),
      ...toAadstsAdvice(aadsts, context),
      oauthError,
      description:
        description === '' ? `${name} refused with the error ${oauthError}.` : description,
      aadsts,
      correlationId: reply.correlationId ?? context.correlationId,
      timestamp: reply.timestamp,
      retryAfterSeconds: reply.retryAfterSeconds ?? findAadstsRule(aadsts)?.retryAfterSeconds,
    },
    retry,
  );
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
function explainUnusable(reply: UnusableReply, context: FailureContext): AttemptFailure {
  const { status, tokenLength, excerpt } = reply;
  const host = toPeerHost(context);
  if (tokenLength !== undefined) {
    const description = `${host} issued an access token of ${Math.ceil(tokenLength / 1_024)} KiB. The proxy accepts at most ${MAX_TOKEN_LENGTH / 1_024} KiB.`;
    const hint =
      'No service accepts a token of this size in a header. Reduce the claims and groups that Entra puts into the token (groupMembershipClaims and optionalClaims of the application).';
    return fail(
      'ERR_UNAVAILABLE',
      description,
      { ...toDetails(reply, context), description, hint },
      'none',
    );
  }
  const isThrottled = status === 429;
  const description = `${host} answered with status ${status} and no token that can be used.`;
  return fail(
    isThrottled ? 'ERR_THROTTLED' : 'ERR_UNAVAILABLE',
    `${description} It starts: ${excerpt}`,
    {
      ...toDetails(reply, context),
      description,
      hint: isThrottled ? undefined : toStrangerHint(context),
    },
    isThrottled ? 'throttled' : toRetry(status),
  );
}

/**
 * What the API server or its token proxy means by a status. Their bodies are not documented, so the
 * status decides and the message of a Kubernetes Status is added.
 * @returns undefined for a status that says nothing in particular.
 */
function explainTokenProxyStatus(
  reply: UnusableReply,
  context: FailureContext,
): AttemptFailure | undefined {
  const { clientId } = context.identity;
  const { subject, audiences } = context.claims;
  const message = reply.statusMessage === '' ? '.' : `: ${reply.statusMessage}`;
  const refuse = (
    oauthError: string,
    what: string,
    advice: Advice,
    retry: RetryClass = 'none',
  ): AttemptFailure => {
    const description = `${what} (${reply.status})${message}`;
    const details = { ...toDetails(reply, context), ...advice, oauthError, description };
    return fail('ERR_REJECTED', description, details, retry);
  };

  switch (reply.status) {
    case 401:
      return refuse(
        'unauthorized_client',
        'The token proxy did not accept the ServiceAccount token',
        {
          hint: `The token is for the audience ${audiences.join(', ') || '(none)'}, and must be for api://AKSIdentityBinding. Put the annotation azure.workload.identity/use-identity-binding: 'true' on the pod itself (in a Deployment: spec.template.metadata.annotations). Then create the pod again.`,
        },
        'if-assertion-changed',
      );
    case 403:
      // For the API server itself, a client that sends no token in a header is nobody.
      return message.includes('system:anonymous')
        ? refuse('invalid_request', 'The API server answered in place of the token proxy', {
            hint: 'Both have the same address. The TLS server name tells them apart: check AZURE_KUBERNETES_SNI_NAME, which the azure-workload-identity webhook sets.',
          })
        : refuse(
            'access_denied',
            `The token proxy does not let ${subject ?? '(unknown)'} use the identity ${clientId}`,
            toRbacAdvice(context),
          );
    case 404:
      return refuse(
        'invalid_request',
        `The token proxy knows no identity binding for ${clientId}`,
        {
          hint: "Look for it with: az aks identity-binding list --resource-group '<RESOURCE_GROUP>' --cluster-name '<CLUSTER>'. Then check AZURE_KUBERNETES_SNI_NAME and AZURE_KUBERNETES_TOKEN_PROXY. Clusters with API Server VNet Integration have no token proxy.",
        },
      );
    default:
      return undefined;
  }
}

function toRbacAdvice({ identity: { clientId }, claims }: FailureContext): Advice {
  const need = `This needs a ClusterRole with the verb use-managed-identity on the resource ${clientId} in the API group cid.wi.aks.azure.com, and a ClusterRoleBinding to the ServiceAccount.`;
  const remedy = toRbacCommand(clientId, claims.subject);
  return remedy === undefined
    ? { hint: need }
    : { hint: `${need} To apply both: ${remedy}`, remedy };
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

/** What every failure tells. */
function toDetails(
  { traceId, retryAfterSeconds }: RefusedReply | UnusableReply,
  { correlationId, claims }: FailureContext,
): ErrorDetails {
  return {
    correlationId,
    traceId,
    retryAfterSeconds,
    assertionExpiresAtSeconds: claims.expiresAtSeconds,
  };
}

function fail(
  code: ErrorCode,
  message: string,
  details: ErrorDetails,
  retry: RetryClass,
): AttemptFailure {
  return { error: new ProxyError(code, message, details), retry };
}
