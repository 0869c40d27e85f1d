import type { ErrorCode } from '../../errors.ts';
import { parseObject } from '../exchange/parse-object.ts';
import type { RetryClass } from '../exchange/retry.ts';
import type { MeaninglessReply } from '../exchange/token-reply.ts';
import type { FailureContext } from './failure.ts';
import { redactAndCut } from './redact.ts';
import { toRbacCommand } from './token-proxy-rbac.ts';

/** What an answer of the token proxy that is not OAuth's comes to. */
export interface TokenProxyRefusal {
  readonly means: Extract<ErrorCode, 'ERR_REJECTED'>;
  readonly oauthError: string;
  readonly description: string;
  readonly hint: string;
  readonly retry: RetryClass;
}

/** Of a message in a Kubernetes Status. */
const MAX_MESSAGE = 600;

/**
 * What the API server or its token proxy means by a status of its own; bodies are not documented, so the
 * status decides and the message of a Kubernetes Status is added.
 * @returns undefined for a status that says nothing in particular.
 */
export function toTokenProxyRefusal(
  { status, text }: MeaninglessReply,
  context: FailureContext,
): TokenProxyRefusal | undefined {
  const message = toStatusMessage(text);
  const { clientId } = context.identity;
  const subject = context.claims.subject ?? '(unknown)';
  switch (status) {
    case 401:
      return {
        means: 'ERR_REJECTED',
        oauthError: 'unauthorized_client',
        description: `The token proxy did not accept the ServiceAccount token (401)${message}`,
        hint: `The token is for the audience ${context.claims.audiences.join(', ') || '(none)'}, and has to be for api://AKSIdentityBinding: the annotation azure.workload.identity/use-identity-binding: "true" belongs on the pod itself (in a Deployment: spec.template.metadata.annotations), and pods that were there before it have to be created anew.`,
        retry: 'if-assertion-changed',
      };
    case 403:
      // For the API server itself, whoever sends no token in a header is nobody.
      if (message.includes('system:anonymous')) return toWrongServer(message);
      return {
        means: 'ERR_REJECTED',
        oauthError: 'access_denied',
        description: `The token proxy does not let ${subject} use the identity ${clientId} (403)${message}`,
        hint: toRbacHint(context),
        retry: 'none',
      };
    case 404:
      return {
        means: 'ERR_REJECTED',
        oauthError: 'invalid_request',
        description: `The token proxy knows no identity binding for ${clientId} (404)${message}`,
        hint: "Look for it with: az aks identity-binding list --resource-group '<RESOURCE_GROUP>' --cluster-name '<CLUSTER>', and check AZURE_KUBERNETES_SNI_NAME and AZURE_KUBERNETES_TOKEN_PROXY. Clusters with API Server VNet Integration have no token proxy.",
        retry: 'none',
      };
    default:
      return undefined;
  }
}

function toWrongServer(message: string): TokenProxyRefusal {
  return {
    means: 'ERR_REJECTED',
    oauthError: 'invalid_request',
    description: `The API server answered in place of the token proxy (403)${message}`,
    hint: 'Both have one address; the TLS server name tells them apart. Check AZURE_KUBERNETES_SNI_NAME: the azure-workload-identity webhook sets it.',
    retry: 'none',
  };
}

function toRbacHint({ identity, claims }: FailureContext): string {
  const command = toRbacCommand(identity.clientId, claims.subject);
  const need = `It takes a ClusterRole with the verb use-managed-identity on the resource ${identity.clientId} in the API group cid.wi.aks.azure.com, and a ClusterRoleBinding to the ServiceAccount.`;
  return command === undefined ? need : `${need} To apply both: ${command}`;
}

/** Ends the sentence before it. */
function toStatusMessage(text: string): string {
  const status = parseObject(text);
  const message = status?.['kind'] === 'Status' ? status['message'] : undefined;
  if (typeof message !== 'string' || message === '') return '.';
  return `: ${redactAndCut(message.replace(/\p{C}+/gu, ' '), MAX_MESSAGE)}`;
}
