import { recordAnnotation, webhook } from '../../../inject/contract.ts';
import type { Finding } from '../causes.ts';
import { toRestart, toTemplatePatch, toWord } from '../commands.ts';
import type { Known, Namespace } from '../known.ts';
import type { Pod } from '../pod.ts';

const ownImage =
  'Let proxy inject add the containers: it needs no webhook for them (docs/inject.md).';

/** Where the proxy can never work. */
export function* checkPlatform({ platform, subject }: Pod): Generator<Finding> {
  switch (platform?.kind) {
    case undefined:
      return;
    case 'host-network':
      yield {
        cause: 'host-network',
        detail: `hostNetwork is true: the pod shares the node's network, so that the redirect would catch every pod and the kubelet; webhook and proxy-init refuse it`,
        fix: `Set hostNetwork: false in ${subject.kind} ${subject.namespace}/${subject.name}. If the pod needs the node's network, let its application use workload identity in its SDK.`,
      };
      return;
    case 'windows':
      yield {
        cause: 'windows',
        detail: 'the pod is for Windows, which has no netfilter to redirect with',
        fix: 'Let the application use workload identity in its SDK, or run it on Linux.',
      };
      return;
    case 'virtual-node':
      yield {
        cause: 'virtual-node',
        detail: 'the pod is for virtual nodes, which run no init containers with capabilities',
        fix: 'Run it on ordinary nodes.',
      };
  }
}

/** Whether the pod got the proxy that it asks for, and if not, why. */
export function* checkInjection(pod: Pod, known: Known): Generator<Finding> {
  const { subject, request, asksBy, hasLabel, hasToken, proxy, init, name } = pod;
  const isBare = proxy === undefined && init === undefined;
  if (request.kind === 'unclear') {
    yield {
      cause: 'request-unclear',
      // Its value is not shown: it may be anything.
      detail: 'an annotation that asks for the proxy is neither "true" nor "false"',
      fix: toTemplatePatch(subject, 'annotations', webhook.injectAnnotation),
    };
  }
  if (!isBare && request.kind === 'refused' && pod.annotation(recordAnnotation) === undefined) {
    yield {
      cause: 'opt-out-ignored',
      detail: `the pod says no (${request.by}) and has a proxy: the webhook looks for the annotation and not at its value`,
      fix: `Remove the annotation ${webhook.injectAnnotation} from the pod template of ${subject.kind} ${subject.namespace}/${subject.name}.`,
    };
  }
  if (!isBare || asksBy === undefined) return;
  if (!hasLabel && !hasToken) {
    yield {
      cause: 'label-missing',
      detail: `the pod has the annotation ${asksBy} and not the label ${webhook.useLabel}: "true", without which the webhook does not see it${known.isMarked(subject) ? `; the label of the ${subject.kind} itself does not count, it must be in spec.template.metadata.labels` : ''}`,
      fix: toTemplatePatch(subject, 'labels', webhook.useLabel),
    };
    return;
  }
  // A template has no containers of ours until the webhook makes a pod of it.
  if (name === undefined) return;
  if (asksBy !== webhook.injectAnnotation) {
    yield {
      cause: 'annotation-not-honoured',
      detail: `the pod asks with ${asksBy}, which azure-workload-identity's webhook does not know`,
      fix: `${toTemplatePatch(subject, 'annotations', webhook.injectAnnotation)}\n${ownImage}`,
    };
    return;
  }
  if (hasToken) {
    yield {
      cause: 'proxy-not-injected',
      detail: `the pod has the token of the webhook and no container azwi-proxy: the annotation ${webhook.injectAnnotation} came after the pod, or the webhook does not support it`,
      fix: toRestart(subject),
    };
    return;
  }
  const exclusion = findExclusion(subject.namespace, known);
  if (exclusion !== undefined) {
    yield {
      cause: 'namespace-excluded',
      detail: `the webhook leaves out the namespace ${subject.namespace}: ${exclusion}`,
      fix: `Run the workload in another namespace. ${ownImage}`,
    };
    return;
  }
  yield known.hasWebhook === false
    ? {
        cause: 'webhook-absent',
        detail:
          'the pod has label and annotation, and the cluster has no webhook of azure-workload-identity',
        fix: `Install the webhook; on AKS: az aks update --name '<CLUSTER>' --resource-group '<RESOURCE_GROUP>' --enable-oidc-issuer --enable-workload-identity. Then: ${toRestart(subject)}\n${ownImage}`,
      }
    : {
        cause: 'webhook-absent',
        detail:
          'the pod has label and annotation, and no webhook changed it: it has neither the token nor the containers',
        fix: `kubectl get mutatingwebhookconfigurations,pods --all-namespaces --selector azure-workload-identity.io/system=true\nIf that prints nothing, install the webhook. If it prints pods that run, the pod is older than the webhook: ${toRestart(subject)}`,
      };
}

/** Pods that look as if they meant to ask. */
export function* checkUnasked(pod: Pod, known: Known): Generator<Finding> {
  if (pod.isConcerned || pod.platform !== undefined) return;
  const { subject, serviceAccount, hasLabel, request } = pod;
  // Somebody has said no.
  if (request.kind === 'refused') return;
  if (hasLabel) {
    yield {
      cause: 'label-without-annotation',
      detail: `the pod gets a federated token and no proxy: an application that asks 169.254.169.254 gets the identity of the node`,
      fix: `If the application does not use workload identity in its SDK: ${toTemplatePatch(subject, 'annotations', webhook.injectAnnotation)}`,
    };
    return;
  }
  const account = known.findAccount(subject.namespace, serviceAccount);
  if (account?.clientId === undefined) return;
  yield {
    cause: 'account-without-label',
    detail: `ServiceAccount ${subject.namespace}/${serviceAccount} has a client ID, and the pod has neither the label ${webhook.useLabel} nor the annotation ${webhook.injectAnnotation}${account.hasLabel ? '; the label of the ServiceAccount does not count' : ''}`,
    fix: `${toTemplatePatch(subject, 'labels', webhook.useLabel)}\n${toTemplatePatch(subject, 'annotations', webhook.injectAnnotation)}`,
  };
}

/** Why the webhook does not take pods of a namespace; undefined if nothing says that it does not. */
function findExclusion(name: string, known: Known): string | undefined {
  if (known.isTaken(name) === false) {
    return `the namespaceSelector of its MutatingWebhookConfiguration does not match the labels of the namespace (kubectl get namespace ${toWord(name, 'NAMESPACE')} --show-labels)`;
  }
  if (name === 'kube-system') return 'clusters exclude kube-system from such webhooks';
  const labels: Namespace['labels'] = known.findNamespace(name)?.labels ?? {};
  // What AKS and its admissions enforcer exclude.
  const label = Object.entries(labels).find(
    ([key, value]) =>
      key === 'control-plane' || (key === 'kubernetes.azure.com/managedby' && value === 'aks'),
  );
  return label && `AKS excludes namespaces with the label ${label[0]}`;
}
