import { webhook } from '../../inject/contract.ts';
import { toFinding } from '../finding.ts';
import { groupBy } from '../group-by.ts';
import type {
  Finding,
  PlannedServiceAccount,
  WorkloadIdentity,
  WorkloadServiceAccount,
} from '../plan.ts';
import type { Cluster, RoleBinding, ServiceAccount } from '../read/cluster.ts';
import { compare } from '../read/cluster.ts';
import type { Group } from './group.ts';

/** A group of the input with the ServiceAccounts of its pods. */
export interface AccountUser {
  readonly group: Group;
  /** Of its templates; more than one if they differ. */
  readonly accounts: readonly string[];
  /** Those that its pods get; empty if they get none. */
  readonly identities: readonly WorkloadIdentity[];
}

export interface AccountDecision {
  readonly account: WorkloadServiceAccount;
  readonly findings: readonly Finding[];
}

export interface AccountPlan {
  readonly decisions: ReadonlyMap<Group, AccountDecision>;
  readonly planned: readonly PlannedServiceAccount[];
}

/**
 * Decides about the ServiceAccount of each workload. It keeps the one that it has, unless that is `default`, which every
 * pod of the namespace has, or a workload of another identity has it too: the ServiceAccount would then be trusted for
 * identities that its pods must not have.
 */
export function planServiceAccounts(
  users: readonly AccountUser[],
  { serviceAccounts, roleBindings }: Cluster,
): AccountPlan {
  const existing = new Map(serviceAccounts.map((one) => [keyOf(one.namespace, one.name), one]));
  const byAccount = groupBy(
    users.flatMap((user) => user.accounts.map((account) => ({ user, account }))),
    ({ user, account }) => keyOf(user.group.namespace, account),
  );
  const taken = new Set<string>();
  const decisions = new Map<Group, AccountDecision>();
  const planned = new Map<string, PlannedServiceAccount>();

  for (const user of users) {
    const { group, identities, accounts } = user;
    const main = identities.find((one) => one.default);
    const [name = 'default'] = accounts;
    if (main === undefined) {
      decisions.set(group, {
        account: { name, action: 'none', instead: null },
        findings: [],
      });
      continue;
    }
    const { namespace } = group;
    const others = (byAccount.get(keyOf(namespace, name)) ?? [])
      .map((one) => one.user)
      .filter((one) => one !== user);
    const present = existing.get(keyOf(namespace, name));
    const findings: Finding[] = [];
    const annotations = toAnnotations(main);
    const why = whyOwn(user, name, others, present, main);

    if (why === undefined) {
      const isDone = hasAnnotations(present, main);
      const account = { name, action: isDone ? 'none' : 'annotate', instead: null } as const;
      findings.push(...describeShared(name, others), ...describeUnknown(namespace, name, present));
      decisions.set(group, { account, findings });
      if (!isDone) {
        planned.set(keyOf(namespace, name), {
          namespace,
          name,
          action: 'annotate',
          annotations,
          copyOf: null,
          imagePullSecrets: [],
          automountServiceAccountToken: null,
          origin: present?.origin,
        });
      }
      continue;
    }

    const own = findName(group, main, (candidate) => {
      const key = keyOf(namespace, candidate);
      const found = existing.get(key);
      // An earlier plan may have made it already, for this workload.
      const isOurs = found !== undefined && hasAnnotations(found, main) && !byAccount.has(key);
      return taken.has(key) || byAccount.has(key) || (found !== undefined && !isOurs);
    });
    const key = keyOf(namespace, own);
    taken.add(key);
    const isMade = existing.has(key);
    const bound = roleBindings.filter(({ subjects }) =>
      subjects.some((one) => one.namespace === namespace && one.name === name),
    );
    findings.push(...why, describeCreated(own, name, present, bound));
    decisions.set(group, {
      account: { name: own, action: isMade ? 'none' : 'create', instead: name },
      findings,
    });
    if (isMade) continue;
    planned.set(key, {
      namespace,
      name: own,
      action: 'create',
      annotations,
      copyOf: name,
      imagePullSecrets: present?.imagePullSecrets ?? [],
      automountServiceAccountToken: present?.automountServiceAccountToken ?? null,
      origin: undefined,
    });
  }
  return {
    decisions,
    planned: [...planned.values()].sort(
      (a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name),
    ),
  };
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/** Workloads with the same identities may share a ServiceAccount. */
function identityKey(identities: readonly WorkloadIdentity[]): string {
  return identities
    .map(({ clientId, default: isDefault }) => `${clientId}${isDefault ? '*' : ''}`)
    .sort()
    .join();
}

/** Why a workload needs its own ServiceAccount, as findings; undefined if it keeps the one that it has. */
function whyOwn(
  { accounts, identities }: AccountUser,
  name: string,
  others: readonly AccountUser[],
  present: ServiceAccount | undefined,
  main: WorkloadIdentity,
): readonly Finding[] | undefined {
  if (name === 'default' || accounts.length > 1) return [];
  const { clientId } = present ?? {};
  if (clientId !== undefined && clientId !== main.clientId) {
    const message = `ServiceAccount ${name} has the client ID ${clientId} already, which is not that of ${main.name}`;
    return [
      toFinding(
        'service-account-other-identity',
        message,
        'check that the pods should change their identity; the plan gives them a new ServiceAccount',
      ),
    ];
  }
  const key = identityKey(identities);
  const hasOther = others.some((one) => {
    return one.identities.length > 0 && identityKey(one.identities) !== key;
  });
  // Whoever the annotation is right for was here first.
  return hasOther && clientId === undefined ? [] : undefined;
}

function toAnnotations({ clientId, tenantId }: WorkloadIdentity): Readonly<Record<string, string>> {
  return {
    [webhook.clientIdAnnotation]: clientId,
    ...(tenantId !== null && { [webhook.tenantIdAnnotation]: tenantId }),
  };
}

function hasAnnotations(
  present: ServiceAccount | undefined,
  { clientId, tenantId }: WorkloadIdentity,
): boolean {
  return present?.clientId === clientId && (tenantId === null || present.tenantId === tenantId);
}

/** The name of the workload, or the nearest to it that nobody has. */
function findName(
  { kind, name }: Group,
  _main: WorkloadIdentity,
  isTaken: (candidate: string) => boolean,
): string {
  const candidates = [name, `${name}-${kind.toLowerCase()}`, `${name}-identity`];
  const free = candidates.find((candidate) => !isTaken(candidate));
  if (free !== undefined) return free;
  for (let number = 2; ; number += 1) {
    const candidate = `${name}-identity-${number}`;
    if (!isTaken(candidate)) return candidate;
  }
}

const mostNames = 5;

function list(names: readonly string[]): string {
  const more = names.length - mostNames;
  return `${names.slice(0, mostNames).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function describeCreated(
  own: string,
  name: string,
  present: ServiceAccount | undefined,
  bound: readonly RoleBinding[],
): Finding {
  const roles =
    bound.length > 0
      ? `add ${own} to the subjects of ${list(bound.map((one) => `${one.kind} ${one.name}`))}`
      : `if ${name} has roles (kubectl get rolebindings,clusterrolebindings -A -o wide | grep ${name}), give them to ${own} too`;
  const rest =
    present === undefined
      ? `; ${name} is not in the input: copy its imagePullSecrets and automountServiceAccountToken`
      : '';
  return toFinding(
    'service-account-created',
    `the pods get ServiceAccount ${own} instead of ${name}`,
    `${roles}${rest}`,
  );
}

function describeShared(name: string, others: readonly AccountUser[]): readonly Finding[] {
  const without = others.filter(({ identities }) => identities.length === 0);
  if (without.length === 0) return [];
  const names = list(without.map(({ group }) => `${group.kind} ${group.name}`));
  return [
    toFinding(
      'service-account-shared',
      `ServiceAccount ${name} is also that of ${names}, which could get its tokens as well`,
      'give those another ServiceAccount if they must not',
    ),
  ];
}

function describeUnknown(
  namespace: string,
  name: string,
  present: ServiceAccount | undefined,
): readonly Finding[] {
  if (present !== undefined) return [];
  return [
    toFinding(
      'service-account-unknown',
      `ServiceAccount ${namespace}/${name} is not in the input: whether it has annotations already is not known`,
      'pass it too, or look: kubectl get serviceaccount',
    ),
  ];
}
