import type { Finding, Plan, PlannedWorkload, Status } from '../plan.ts';
import type { AzureIdentity, Cluster } from '../read/cluster.ts';
import { compare } from '../read/cluster.ts';
import { chooseDefault } from './choose-default.ts';
import { type Concern, findConcern } from './concern.ts';
import {
  countCredentials,
  toFederatedCredentials,
  toIdentityBindings,
  type Use,
} from './credentials.ts';
import { type Group, groupWorkloads } from './group.ts';
import { toIdentityMap } from './identity-map.ts';
import { findInputFindings } from './input-findings.ts';
import { toLeftovers } from './leftovers.ts';
import { createMatcher } from './match.ts';
import { describeIdentity, describeLimit, planIdentities } from './plan-identities.ts';
import { findScope } from './scope.ts';
import { describeMounted, planSecretProviderClasses } from './secret-provider-classes.ts';
import { type AccountUser, planServiceAccounts } from './service-accounts.ts';
import type { DefaultChoice, PlanSettings } from './settings.ts';
import { tryInjection } from './try-injection.ts';

/** A workload whose identities are known, before its ServiceAccount is. */
interface Draft {
  readonly group: Group;
  readonly concern: Concern;
  readonly identities: PlannedWorkload['identities'];
  /** All that match, those without a client ID too. */
  readonly matched: readonly AzureIdentity[];
  readonly notes: readonly string[];
  readonly findings: readonly Finding[];
  readonly isBlocked: boolean;
}

/** The plan for everything that the input has. It depends on nothing else, and is the same in every run. */
export function makePlan(cluster: Cluster, settings: PlanSettings): Plan {
  const scope = findScope(cluster, settings.isClusterScoped);
  const matcher = createMatcher(cluster, scope);
  const groups = groupWorkloads(cluster.workloads);
  const issuers = settings.issuers.length > 0 ? settings.issuers : cluster.issuers;
  const used = new Set<DefaultChoice>();

  const drafts = groups.flatMap((group) => {
    const concern = findConcern(group, cluster, settings.injection);
    return concern === undefined ? [] : [draftWorkload(group, concern, used)];
  });
  const byGroup = new Map(drafts.map((draft) => [draft.group, draft]));
  const users = groups.map((group): AccountUser => {
    const draft = byGroup.get(group);
    const isMoved = draft !== undefined && !draft.isBlocked;
    return { group, accounts: accountsOf(group), identities: isMoved ? draft.identities : [] };
  });
  const accounts = planServiceAccounts(users, cluster);

  const uses = drafts.flatMap(({ group, identities, isBlocked }): readonly Use[] => {
    const name = accounts.decisions.get(group)?.account.name;
    if (isBlocked || name === undefined) return [];
    return identities.map((identity) => ({
      namespace: group.namespace,
      serviceAccount: name,
      identity,
    }));
  });
  const { hasIdentityBinding } = settings;
  const isBound = ({ identity }: Use): boolean =>
    hasIdentityBinding && identity.resourceId !== null;
  const federatedCredentials = toFederatedCredentials(
    uses.filter((use) => !isBound(use)),
    issuers,
  );
  const counts = countCredentials(federatedCredentials);

  const workloads = drafts.map((draft) => finish(draft));
  const secretProviderClasses = planSecretProviderClasses(cluster, groups, workloads);
  const identities = planIdentities(
    cluster,
    new Set(drafts.flatMap(({ matched }) => matched)),
    counts,
  );
  const findings = [
    ...cluster.findings,
    ...findInputFindings({
      cluster,
      settings,
      scope,
      unused: matcher.findUnused(),
      unusedChoices: settings.defaultIdentities.filter((choice) => !used.has(choice)),
      hasIssuer: issuers.length > 0 || federatedCredentials.length === 0,
      hasManaged: uses.some(({ identity }) => identity.resourceId !== null),
    }),
  ];
  const depending =
    workloads.filter((one) => one.dependsOnPodIdentity).length + secretProviderClasses.length;
  return {
    workloads,
    serviceAccounts: accounts.planned,
    federatedCredentials,
    identityBindings: hasIdentityBinding ? toIdentityBindings(uses, issuers) : [],
    identities,
    secretProviderClasses,
    components: cluster.components.map(({ isNamespaced: _, ...one }) => one),
    leftovers: toLeftovers(cluster),
    findings,
    summary: {
      workloads: countStatuses(workloads),
      depending,
      others: groups.length - drafts.length,
      identities: identities.length,
      federatedCredentials: federatedCredentials.length,
      scope: scope.kind,
      errors: findings.filter(({ level }) => level === 'error').length,
    },
  };

  function draftWorkload(group: Group, concern: Concern, applied: Set<DefaultChoice>): Draft {
    const findings: Finding[] = [...concern.findings];
    if (concern.isExempt) {
      return { group, concern, identities: [], matched: [], notes: [], findings, isBlocked: true };
    }
    const found = concern.labels.map((label) => matcher.match(label, group));
    for (const one of found) findings.push(...one.findings);
    const matches = [
      ...new Map(found.flatMap((one) => one.matches).map((one) => [one.identity, one])).values(),
    ];
    for (const { identity } of matches) {
      findings.push(...describeIdentity(identity, settings.tenantId));
    }
    const usable = matches.filter(
      ({ identity }) => identity.clientId !== undefined && identity.type !== undefined,
    );
    const chosen = chooseDefault(group, usable, settings.defaultIdentities, settings.tenantId);
    for (const choice of chosen.used) applied.add(choice);
    findings.push(...chosen.findings, ...describeMounted(group, chosen.identities, cluster));
    const trial = !concern.needsInjection
      ? { findings: [], notes: [] }
      : tryInjection(group, chosen.identities, settings, cluster.index);
    findings.push(...trial.findings);
    return {
      group,
      concern,
      identities: chosen.identities,
      matched: matches.map(({ identity }) => identity),
      notes: trial.notes,
      findings,
      isBlocked: findings.some(({ level }) => level === 'blocked'),
    };
  }

  function finish({
    group,
    concern,
    identities,
    notes,
    findings,
    isBlocked,
  }: Draft): PlannedWorkload {
    const decision = accounts.decisions.get(group);
    const [name = 'default'] = accountsOf(group);
    const map = isBlocked ? undefined : toIdentityMap(identities, cluster);
    const all = [
      ...findings,
      ...(decision?.findings ?? []),
      ...describeLimit(identities, counts),
      ...(map === undefined ? [] : [map.finding]),
    ];
    const canInject = !isBlocked && concern.needsInjection && concern.canBeInjected;
    const hasIdentity = identities.length > 0 || concern.labels.length === 0;
    const { top } = group;
    return {
      namespace: group.namespace,
      kind: group.kind,
      name: group.name,
      group: group.apiGroup,
      binding: concern.binding,
      identities,
      serviceAccount: decision?.account ?? { name, action: 'none', instead: null },
      injection: { kind: canInject && hasIdentity ? settings.injection : 'none', notes },
      dependsOnPodIdentity: concern.depends,
      identityMap: map?.value ?? null,
      status: toStatus(concern, all),
      findings: all.toSorted((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level)),
      file: top?.origin.file ?? null,
      line: top?.origin.line ?? null,
      origin: top?.origin,
    };
  }
}

const levels = ['error', 'blocked', 'attention', 'note'];

function toStatus({ isExempt }: Concern, findings: readonly Finding[]): Status {
  if (isExempt) return 'exempt';
  if (findings.some(({ level }) => level === 'blocked')) return 'blocked';
  return findings.some(({ level }) => level === 'attention') ? 'attention' : 'ready';
}

function countStatuses(workloads: readonly PlannedWorkload[]): Readonly<Record<Status, number>> {
  const counts = { ready: 0, attention: 0, blocked: 0, exempt: 0 };
  for (const { status } of workloads) counts[status] += 1;
  return counts;
}

/** ServiceAccounts of the pods that have the label, or of all pods if none has. */
function accountsOf({ top, members }: Group): readonly string[] {
  const all = (top ?? members[0])?.templates ?? [];
  const labelled = all.filter(({ binding }) => binding !== undefined);
  const names = (labelled.length > 0 ? labelled : all).map((one) => one.serviceAccount);
  if (names.length > 0) return [...new Set(names)].sort(compare);
  return [...new Set(members.flatMap((one) => one.templates.map((each) => each.serviceAccount)))];
}
