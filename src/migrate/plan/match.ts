import { findSimilar, formatSuggestion } from '../../shared/did-you-mean.ts';
import { toFinding } from '../finding.ts';
import { groupBy } from '../group-by.ts';
import type { Finding } from '../plan.ts';
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  Cluster,
} from '../read/cluster.ts';
import { compare } from '../read/cluster.ts';
import type { Group } from './group.ts';
import type { Scope } from './scope.ts';

/** An identity that pods get, and the weight of the binding that gives it to them. */
export interface Match {
  readonly identity: AzureIdentity;
  readonly weight: number;
}

export interface Matches {
  readonly matches: readonly Match[];
  readonly findings: readonly Finding[];
}

/** Matches pods with identities as AAD Pod Identity does. */
export interface Matcher {
  /** @param label value of `aadpodidbinding`; not empty. */
  match(label: string, group: Group): Matches;
  /** Bindings that matched no label so far. */
  findUnused(): readonly AzureIdentityBinding[];
}

/**
 * The rules are those of MIC (pkg/mic/mic.go, createDesiredAssignedIdentityList): the label equals the selector of a
 * binding, in any namespace unless it is forced; the binding names an identity in its namespace; an identity with
 * the behaviour `namespaced` wants all three in one; of two identities with one name the first is assigned, in the order
 * of the bindings. NMI's managed mode (pkg/crd/crd.go, GetPodIDsWithBinding) is the forced form of it.
 */
export function createMatcher(cluster: Cluster, scope: Scope): Matcher {
  const bySelector = groupBy(cluster.bindings, ({ selector }) => selector.text);
  const identities = new Map(cluster.identities.map((one) => [keyOf(one), one]));
  const byPod = groupBy(cluster.assigned, ({ pod, podNamespace }) =>
    keyOf({ namespace: podNamespace, name: pod }),
  );
  const used = new Set<AzureIdentityBinding>();

  const findAssigned = ({ top, members, namespace }: Group): readonly AzureAssignedIdentity[] =>
    [...(top === undefined ? [] : [top]), ...members].flatMap(({ kind, name }) =>
      kind === 'Pod' ? (byPod.get(keyOf({ namespace, name })) ?? []) : [],
    );

  return {
    match(label, group) {
      const { namespace } = group;
      const findings: Finding[] = [];
      const matches: Match[] = [];
      const foreign: AzureIdentityBinding[] = [];
      const unmatched: AzureIdentityBinding[] = [];
      const shadowed: AzureIdentity[] = [];
      const assigned = findAssigned(group);
      const isAssigned = (identity: AzureIdentity): boolean =>
        assigned.some((one) => keyOf(one.identity) === keyOf(identity));
      const add = (identity: AzureIdentity, weight: number): void => {
        const same = matches.find((one) => one.identity.name === identity.name);
        if (same === undefined) matches.push({ identity, weight });
        else if (same.identity !== identity) shadowed.push(identity);
      };

      const all = (bySelector.get(label) ?? []).toSorted(
        (a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name),
      );
      const hasLocal = all.some((one) => one.namespace === namespace);
      for (const binding of all) {
        used.add(binding);
        const isLocal = binding.namespace === namespace;
        const identity = identities.get(
          keyOf({ namespace: binding.namespace, name: binding.identity }),
        );
        if (!isLocal && (scope.kind === 'namespace' || identity?.isNamespaced === true)) {
          unmatched.push(binding);
          continue;
        }
        if (!isLocal && scope.kind === 'unknown') {
          // The real assignments decide, where the input has them.
          if (assigned.length > 0 && (identity === undefined || !isAssigned(identity))) continue;
          if (assigned.length === 0) foreign.push(binding);
          if (assigned.length === 0 && hasLocal) continue;
        }
        if (identity === undefined) findings.push(describeMissing(binding));
        else add(identity, binding.weight);
      }
      for (const { identity: reference } of assigned) {
        const identity = identities.get(keyOf(reference));
        if (identity === undefined || matches.some((one) => one.identity === identity)) continue;
        if (matches.some((one) => one.identity.name === identity.name)) continue;
        findings.push(describeUnexplained(identity));
        add(identity, 0);
      }
      if (foreign.length > 0) findings.push(describeForeign(foreign, namespace, hasLocal));
      if (unmatched.length > 0 && !hasLocal) {
        findings.push(describeUnmatched(unmatched, namespace, scope));
      }
      if (shadowed.length > 0) findings.push(describeShadowed(shadowed));
      if (matches.length === 0 && findings.length === 0) {
        findings.push(describeUnbound(label, namespace, cluster));
      }
      return { matches, findings };
    },
    findUnused: () => cluster.bindings.filter((binding) => !used.has(binding)),
  };
}

function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

const mostNames = 5;

/** `a/x, a/y and 3 more`: a selector may be in use in every namespace of a cluster. */
function list(all: readonly { readonly namespace: string; readonly name: string }[]): string {
  const more = all.length - mostNames;
  const names = all.slice(0, mostNames).map(keyOf).join(', ');
  return more > 0 ? `${names} and ${more} more` : names;
}

function describeShadowed(identities: readonly AzureIdentity[]): Finding {
  return toFinding(
    'identity-shadowed',
    `${list(identities)} ${identities.length === 1 ? 'matches' : 'match'} as well, but of several identities with one name AAD Pod Identity assigns only the first, by namespace`,
    'if the pods need another one, rename it and make the plan again',
  );
}

function describeUnmatched(
  bindings: readonly AzureIdentityBinding[],
  podNamespace: string,
  { kind }: Scope,
): Finding {
  const why =
    kind === 'namespace'
      ? 'AAD Pod Identity runs with forceNamespaced here'
      : 'the identity has the annotation aadpodidentity.k8s.io/Behavior: namespaced';
  return toFinding(
    'binding-not-matched',
    `only bindings of other namespaces have this label as selector (${list(bindings)}), and ${why}: the pods get no identity`,
    `remove the label, or create the binding and its identity in ${podNamespace}`,
  );
}

function describeMissing({ namespace, name, identity }: AzureIdentityBinding): Finding {
  return toFinding(
    'binding-without-identity',
    `AzureIdentityBinding ${namespace}/${name} names the AzureIdentity ${identity}, which is not in ${namespace}`,
    'pass the AzureIdentity too, or delete the binding',
  );
}

function describeForeign(
  bindings: readonly AzureIdentityBinding[],
  podNamespace: string,
  hasLocal: boolean,
): Finding {
  const fix =
    'pass --cluster-scoped, or the Deployment of MIC as part of the input, so that its flags decide';
  if (hasLocal) {
    return toFinding(
      'binding-also-elsewhere',
      `bindings of other namespaces have this label as selector too (${list(bindings)}); AAD Pod Identity matches them unless forceNamespaced is set, and the plan leaves them out`,
      `if the pods use those identities: ${fix}`,
    );
  }
  return toFinding(
    'binding-in-other-namespace',
    `only bindings of other namespaces have this label as selector (${list(bindings)}), and none in ${podNamespace}; AAD Pod Identity matches them unless forceNamespaced is set`,
    fix,
  );
}

function describeUnexplained(identity: AzureIdentity): Finding {
  return toFinding(
    'assigned-without-binding',
    `an AzureAssignedIdentity gives the pods ${keyOf(identity)}, and no binding in the input does`,
    'pass all AzureIdentityBindings, or check that the pods still need this identity',
  );
}

function describeUnbound(label: string, namespace: string, { bindings }: Cluster): Finding {
  const message = `no AzureIdentityBinding has the selector ${JSON.stringify(label)}`;
  if (bindings.length === 0) {
    return toFinding(
      'label-without-binding',
      `${message}: the input has none at all`,
      'pass the AzureIdentityBindings and AzureIdentities too',
    );
  }
  const near = bindings.filter((one) => one.namespace === namespace);
  const selectors = [
    ...new Set((near.length > 0 ? near : bindings).map((one) => one.selector.text)),
  ];
  const suggestion = formatSuggestion(findSimilar(label, selectors));
  return toFinding(
    'label-without-binding',
    `${message}: the pods get no identity`,
    suggestion === undefined
      ? 'remove the label, or pass the binding too'
      : `${suggestion} Correct the label, or remove it`,
  );
}
