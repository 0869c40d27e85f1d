import { webhook } from '../../inject/contract.ts';
import { findKind } from '../../inject/kinds.ts';
import { toFinding } from '../finding.ts';
import type { Finding, Injection } from '../plan.ts';
import type {
  AzurePodIdentityException,
  Cluster,
  LabelText,
  PodTemplate,
  Workload,
} from '../read/cluster.ts';
import { bindingLabel } from '../read/pod-identity.ts';
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

function describeException({ namespace, name }: AzurePodIdentityException): Finding {
  return toFinding(
    'exception',
    `AzurePodIdentityException ${namespace}/${name} matches the pods: they get the identity of the node, and are left alone`,
    'no change is needed; when NMI is gone they ask the metadata service directly, as before',
  );
}

function describeOwner({ top, kind, name, apiGroup }: Group): readonly Finding[] {
  const what = `${kind} ${name}`;
  if (top?.why !== undefined) {
    return [
      toFinding(
        'owner-kind-unknown',
        `${what}: ${top.why}`,
        'see docs/inject.md, Which pods are found',
      ),
    ];
  }
  if (top?.owner !== undefined) {
    const { owner } = top;
    return [
      toFinding(
        'owner-not-in-input',
        `${what} was made by ${owner.kind} ${owner.name}, which would undo any change to it`,
        `pass ${owner.kind} ${owner.name} too, or change the pods where they are created: with the webhook or an admission policy`,
      ),
    ];
  }
  if (top !== undefined) return [];
  if (findKind(apiGroup, kind, []) === undefined) {
    return [
      toFinding(
        'owner-kind-unknown',
        `the pods belong to ${what}, a kind that is not known`,
        'pass the object too, or use the webhook or an admission policy, which change pods when they are created',
      ),
    ];
  }
  return [
    toFinding(
      'owner-not-in-input',
      `the pods belong to ${what}, which is not in the input`,
      'pass it too: the plan changes the object, not its pods',
    ),
  ];
}

function describeLabels(
  { top }: Group,
  own: readonly LabelText[],
  others: readonly LabelText[],
  isMisplaced: boolean,
): readonly Finding[] {
  const findings: Finding[] = [];
  const texts = new Set(own.map(({ text }) => text));
  if (isMisplaced) {
    findings.push(
      toFinding(
        'label-misplaced',
        `the object has the label ${bindingLabel}, and its pods do not: AAD Pod Identity looks at pods`,
        'remove the label; if the pods should have an identity, set it in the pod template',
      ),
    );
  }
  if (texts.size > 1) {
    findings.push(
      toFinding(
        'labels-differ',
        `its pod templates have different labels: ${[...texts].join(', ')}`,
        'check which identities each of them needs: the plan gives all to the ServiceAccount',
      ),
    );
  }
  const strange = [...new Set(others.map(({ text }) => text))].filter((text) => !texts.has(text));
  if (own.length > 0 && strange.length > 0) {
    findings.push(
      toFinding(
        'labels-differ',
        `running pods have another label than the object: ${strange.join(', ')}`,
        'let the rollout end, and make the plan again',
      ),
    );
  }
  if (top !== undefined && own.length === 0 && others.length > 0) {
    findings.push(
      toFinding(
        'label-only-on-pods',
        'running pods have the label, and the pod template does not',
        'find what adds it (an operator, an admission webhook, kubectl label), and remove it there',
      ),
    );
  }
  const found = own.length > 0 ? own : others;
  if (found.some(({ text }) => text === '')) {
    findings.push(
      toFinding(
        'label-empty',
        `the label ${bindingLabel} is empty: AAD Pod Identity ignores the pods`,
        'remove the label, or give it the selector of a binding',
      ),
    );
  }
  const unquoted = found.find(({ isText }) => !isText);
  if (unquoted !== undefined) {
    findings.push(
      toFinding(
        'label-not-text',
        `the label is written ${bindingLabel}: ${unquoted.text} without quotes, and Kubernetes refuses it`,
        `write ${bindingLabel}: "${unquoted.text}"`,
      ),
    );
  }
  return findings;
}

function describeProxy(concerned: readonly PodTemplate[]): readonly Finding[] {
  if (concerned.length > 0 && concerned.every(({ proxy }) => proxy === 'ours')) {
    return [
      toFinding('already-injected', 'the pods have the proxy already', 'no change is needed'),
    ];
  }
  if (concerned.some(({ proxy }) => proxy === 'upstream')) {
    return [
      toFinding(
        'upstream-proxy',
        "the pods have upstream's containers, which inject replaces by its own",
        "check what reads its 403 and 500 (here 400, 429 and 503), and the memory limit; see docs/migration.md, From upstream's proxy",
      ),
    ];
  }
  if (concerned.some(({ proxy }) => proxy === 'requested')) {
    return [
      toFinding(
        'upstream-proxy',
        'the pods ask the webhook for its proxy; inject takes the annotation away and adds the containers',
        "or keep the annotation and set the two images in the webhook; see docs/migration.md, From upstream's proxy",
      ),
    ];
  }
  return [];
}

function describeLate(): Finding {
  return toFinding(
    'pods-not-replaced',
    'the object has the proxy, and pods of it still run without',
    'wait for the rollout (kubectl rollout status), or delete the old pods',
  );
}

function describeRecreate({ kind }: Group, isChanged: boolean): readonly Finding[] {
  if (!isChanged || (kind !== 'Pod' && kind !== 'Job')) return [];
  return [
    toFinding(
      'must-be-recreated',
      `a ${kind} cannot be changed in the cluster`,
      'delete it, then apply the new one (kubectl replace --force)',
    ),
  ];
}
