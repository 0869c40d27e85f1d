import { initName, proxyName } from '../../../inject/contract.ts';
import type { Finding } from '../causes.ts';
import { toAnnotate, toWord } from '../commands.ts';
import type { ClusterEvent } from '../events.ts';
import type { Known } from '../known.ts';
import type { Pod } from '../pod.ts';

const ours = new RegExp(
  `${proxyName}|${initName}|azure-workload-identity|azure\\.workload\\.identity`,
);

/** Why pods of ours were not made or could not start, as an event says it. */
export function* explainEvent({ reason, message, about }: ClusterEvent): Generator<Finding> {
  if (reason === 'FailedMount') {
    const isToken =
      /service ?account ?token|azure-identity-token|azure-workload-identity|fetch token/i;
    if (!isToken.test(message)) return;
    yield {
      cause: 'token-mount-fails',
      detail: `the kubelet cannot mount the token: ${message}`,
      fix: 'Check that the ServiceAccount exists, and the objects of the volume that the message names.',
    };
    return;
  }
  if (reason !== 'FailedCreate') return;
  const account =
    /(?:serviceaccount|error looking up service account) "?([a-z0-9./-]+?)"?(?: not found|:)/i;
  const missing = account.exec(message)?.[1];
  if (missing !== undefined && message.includes('not found')) {
    const name = missing.replace(/^.*\//, '');
    yield {
      cause: 'service-account-missing',
      detail: `ServiceAccount ${about.namespace}/${name} does not exist, and no pod can be made without`,
      fix: `kubectl create serviceaccount ${toWord(name, 'SERVICE_ACCOUNT')} --namespace ${toWord(about.namespace, 'NAMESPACE')} && ${toAnnotate(name, about.namespace, 'azure.workload.identity/client-id', '<CLIENT_ID>')}`,
    };
    return;
  }
  if (!ours.test(message)) return;
  const level = /violates PodSecurity "?(\w+)/.exec(message)?.[1];
  if (level !== undefined) {
    yield {
      cause: 'pod-security',
      detail: `Pod Security of the namespace ${about.namespace} (${level}) refuses the pods: ${message}`,
      fix: podSecurityFix(about.namespace),
    };
  } else if (/failed calling webhook/.test(message)) {
    yield {
      cause: 'webhook-down',
      detail: `the webhook does not answer, and no pod with its label can be made: ${message}`,
      fix: 'kubectl get pods --all-namespaces --selector azure-workload-identity.io/system=true\nIf they run, look for a network policy or firewall between the API server and port 9443 of the webhook.',
    };
  } else if (/admission webhook "[^"]*azure-workload-identity[^"]*" denied/.test(message)) {
    yield {
      cause: 'webhook-refuses',
      detail: `the webhook refuses the pods: ${message}`,
      fix: message.includes('hostNetwork')
        ? 'Set hostNetwork: false, or let the application use workload identity in its SDK.'
        : 'Correct the field of the pod template that the message names.',
    };
  } else if (
    /exceeded quota|failed quota|must specify|LimitRange|maximum (?:cpu|memory)|minimum (?:cpu|memory)/.test(
      message,
    )
  ) {
    yield {
      cause: 'quota-refuses',
      detail: `a quota or LimitRange refuses the pods: ${message}`,
      fix: 'Set resources of both containers: proxy inject does; for the webhook, give the namespace a LimitRange with defaults (docs/sizing.md).',
    };
  } else {
    yield {
      cause: 'admission-refuses',
      detail: `the API server refuses the pods: ${message}`,
      fix: 'If a policy engine refuses NET_ADMIN, ask for an exception for azwi-proxy-init, or inject without the redirect: proxy inject --no-redirect.',
    };
  }
}

function podSecurityFix(namespace: string): string {
  return `Inject without the redirect, which needs no NET_ADMIN: proxy inject --no-redirect (docs/without-redirect.md). Or run the workload in a namespace for such pods. Its level is shown by: kubectl get namespace ${toWord(namespace, 'NAMESPACE')} --label-columns pod-security.kubernetes.io/enforce`;
}

/** Whether pods of a template will be refused. For a pod that exists, the answer is known. */
export function* checkPodSecurity(pod: Pod, known: Known): Generator<Finding> {
  const { subject, name, init, asksBy } = pod;
  if (name !== undefined || (init === undefined && asksBy === undefined)) return;
  const level = known.findNamespace(subject.namespace)?.podSecurity;
  if (level === undefined || level === 'privileged') return;
  yield {
    cause: 'pod-security',
    detail: `the namespace ${subject.namespace} enforces the level ${level}, which forbids the NET_ADMIN of proxy-init`,
    fix: podSecurityFix(subject.namespace),
  };
}
