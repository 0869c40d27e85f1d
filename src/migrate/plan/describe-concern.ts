import { bindingLabel } from '../../inject/contract.ts';
import { findKind } from '../../inject/kinds.ts';
import { toFinding } from '../finding.ts';
import type { Finding } from '../plan.ts';
import type {
  AzurePodIdentityException,
  Cluster,
  LabelText,
  PodTemplate,
} from '../read/cluster.ts';
import type { Group } from './group.ts';

export function describeException({ namespace, name }: AzurePodIdentityException): Finding {
  return toFinding(
    'exception',
    `AzurePodIdentityException ${namespace}/${name} matches the pods: they get the identity of the node, and are left alone`,
    'no change is needed; when NMI is gone they ask the metadata service directly, as before',
  );
}

export function describeOwner({ top, kind, name, apiGroup }: Group): readonly Finding[] {
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

export function describeLabels(
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
        `the label ${bindingLabel} is ${unquoted.text} without quotes, which is not a text, and Kubernetes refuses it`,
        /^[\w.+-]+$/.test(unquoted.text)
          ? `write ${bindingLabel}: "${unquoted.text}"`
          : 'write a text in quotes',
      ),
    );
  }
  return findings;
}

export function describeSelectors(
  { namespace, kind, name }: Group,
  labels: readonly string[],
  { selectors }: Cluster,
): readonly Finding[] {
  const found = selectors.filter(
    (one) => one.namespace === namespace && labels.includes(one.value),
  );
  if (found.length === 0) return [];
  const all = found.map((one) =>
    one.kind === kind && one.name === name ? 'the object itself' : `${one.kind} ${one.name}`,
  );
  const names = [...new Set(all)];
  return [
    toFinding(
      'label-selected',
      `${names.join(', ')} ${names.length === 1 ? 'selects' : 'select'} pods by the label ${bindingLabel}`,
      'select them by another label before this one is removed, or keep it: without a binding it does no harm',
    ),
  ];
}

export function describeProxy(concerned: readonly PodTemplate[]): readonly Finding[] {
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

export function describeLate(): Finding {
  return toFinding(
    'pods-not-replaced',
    'the object has the proxy, and pods of it still run without',
    'wait for the rollout (kubectl rollout status), or delete the old pods',
  );
}

export function describeRecreate({ kind }: Group, isChanged: boolean): readonly Finding[] {
  if (!isChanged || (kind !== 'Pod' && kind !== 'Job')) return [];
  return [
    toFinding(
      'must-be-recreated',
      `a ${kind} cannot be changed in the cluster`,
      'delete it, then apply the new one (kubectl replace --force)',
    ),
  ];
}
