import { webhook } from '../../inject/contract.ts';
import type { Finding, Injection } from '../plan.ts';
import type {
  AzurePodIdentityException,
  Cluster,
  LabelText,
  PodTemplate,
  Workload,
} from '../read/cluster.ts';
import {
  describeException,
  describeLabels,
  describeLate,
  describeOwner,
  describeProxy,
  describeRecreate,
  describeSelectors,
} from './describe-concern.ts';
import type { Group } from './group.ts';

/** Why a workload is part of the plan. */
export interface Concern {
  /** Value of the label, as it is shown; null without one. */
  readonly binding: string | null;
  /** Values of the label that may match, not empty. Usually one. */
  readonly labels: readonly string[];
  readonly isExempt: boolean;
  /** Its pods lack the proxy, or have upstream's. */
  readonly needsInjection: boolean;
  /** It is in the input, and has a pod template that can be changed. */
  readonly canBeInjected: boolean;
  /** Whether pods of it get their tokens from AAD Pod Identity. */
  readonly depends: boolean;
  readonly findings: readonly Finding[];
}

/** undefined for a workload that uses no part of AAD Pod Identity and no proxy. */
export function findConcern(
  group: Group,
  cluster: Cluster,
  injection: Injection['kind'],
): Concern | undefined {
  const { top, members, namespace } = group;
  const templates = top?.templates ?? [];
  const pods = members.flatMap((one) => one.templates);
  const all = [...templates, ...pods];
  const exception = findException(all, namespace, cluster);
  const own = labelsOf(templates, top);
  const others = labelsOf(pods, undefined);
  const found = own.length > 0 ? own : others;
  const labels = [...new Set(found.map(({ text }) => text))].filter((text) => text !== '');
  const hasProxy = templates.some(({ proxy }) => proxy === 'upstream' || proxy === 'requested');
  const mounts = all.some((one) => mountsPodIdentity(one, namespace, cluster));
  const isMisplaced = found.length === 0 && top?.hasMisplacedLabel === true;
  if (exception === undefined && found.length === 0 && !hasProxy && !mounts && !isMisplaced) {
    return undefined;
  }

  const concerned = templates.filter(
    ({ binding, proxy }) => binding !== undefined || proxy !== 'none',
  );
  const isDone = ({ proxy }: PodTemplate): boolean =>
    proxy === 'ours' || (proxy === 'requested' && injection === 'annotation');
  const isExempt = exception !== undefined;
  const isLate = concerned.length > 0 && concerned.every(isRedirected) && !pods.every(isReplaced);
  const depends =
    !isExempt &&
    labels.length > 0 &&
    (concerned.length === 0 || !concerned.every(isRedirected) || isLate);
  const findings = isExempt
    ? [describeException(exception)]
    : [
        ...describeOwner(group),
        ...describeLabels(group, own, others, isMisplaced),
        ...describeSelectors(group, labels, cluster),
        ...describeProxy(concerned),
        ...(isLate ? [describeLate()] : []),
        ...describeRecreate(group, concerned.length > 0 && !concerned.every(isDone)),
      ];
  return {
    binding: found[0]?.text ?? null,
    labels,
    isExempt,
    needsInjection:
      found.length > 0 || hasProxy ? !concerned.every(isDone) || concerned.length === 0 : false,
    canBeInjected: top !== undefined && top.owner === undefined && top.why === undefined,
    depends,
    findings,
  };
}

function labelsOf(
  templates: readonly PodTemplate[],
  top: Workload | undefined,
): readonly LabelText[] {
  return [
    ...templates.flatMap(({ binding }) => binding ?? []),
    ...(templates.length === 0 ? (top?.labelsElsewhere ?? []) : []),
  ];
}

/** Whether its requests reach a proxy and not AAD Pod Identity. */
function isRedirected({ proxy, labels }: PodTemplate): boolean {
  if (proxy === 'requested') return labels[webhook.useLabel] === 'true';
  return proxy !== 'none';
}

/** Of a running pod: that it does not need to be replaced. */
function isReplaced(pod: PodTemplate): boolean {
  return pod.binding === undefined || isRedirected(pod);
}

/**
 * NMI compares keys exactly and values in any case, and one pair of any exception of the pod's namespace is enough
 * (pkg/pod/pod.go, labelInExceptionList).
 */
function findException(
  templates: readonly PodTemplate[],
  namespace: string,
  { exceptions }: Cluster,
): AzurePodIdentityException | undefined {
  return exceptions.find(
    (exception) =>
      exception.namespace === namespace &&
      Object.entries(exception.podLabels).some(([key, value]) =>
        templates.some(
          ({ labels }) =>
            Object.hasOwn(labels, key) && labels[key]?.toLowerCase() === value.toLowerCase(),
        ),
      ),
  );
}

/** SecretProviderClasses with pod identity that a pod mounts. */
export function mountsPodIdentity(
  { secretProviderClasses }: PodTemplate,
  namespace: string,
  cluster: Cluster,
): boolean {
  return cluster.secretProviderClasses.some(
    (one) => one.namespace === namespace && secretProviderClasses.includes(one.name),
  );
}
