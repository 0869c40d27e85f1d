import { isNamed } from '../../inject/select.ts';
import { toFinding } from '../finding.ts';
import type { DefaultReason, Finding, WorkloadIdentity } from '../plan.ts';
import { compare } from '../read/cluster.ts';
import type { Group } from './group.ts';
import type { Match } from './match.ts';
import type { DefaultChoice } from './settings.ts';

export interface Chosen {
  readonly identities: readonly WorkloadIdentity[];
  readonly findings: readonly Finding[];
  /** The choices that applied. */
  readonly used: readonly DefaultChoice[];
}

/**
 * Which identity answers requests that name none: the one that a flag names, else the one whose binding weighs most,
 * else the first by name. AAD Pod Identity promised no order: it took the first of a list in any order.
 * @param matches with a client ID each.
 */
export function chooseDefault(
  group: Group,
  matches: readonly Match[],
  choices: readonly DefaultChoice[],
  tenantId: string | undefined,
): Chosen {
  const sorted = matches.toSorted(
    (a, b) =>
      compare(a.identity.name, b.identity.name) ||
      compare(a.identity.namespace, b.identity.namespace),
  );
  const used = choices.filter((choice) => applies(choice, group, sorted));
  const named = used.at(-1)?.identity;
  const heaviest = sorted.toSorted((a, b) => b.weight - a.weight)[0];
  const chosen =
    sorted.find(({ identity }) => named !== undefined && isCalled(identity, named)) ?? heaviest;
  const reason = toReason(sorted, named);
  const identities = sorted.map(({ identity }): WorkloadIdentity => {
    const isDefault = identity === chosen?.identity;
    return {
      name: identity.name,
      namespace: identity.namespace,
      clientId: identity.clientId ?? '',
      resourceId: identity.resource?.id ?? null,
      type: identity.type ?? 'UserAssignedManagedIdentity',
      tenantId: identity.tenantId ?? tenantId ?? null,
      default: isDefault,
      reason: isDefault ? reason : 'other',
    };
  });
  if (chosen === undefined || sorted.length === 1) return { identities, findings: [], used };
  return { identities, findings: [describe(group, sorted, chosen, reason)], used };
}

function applies(
  { workload, identity }: DefaultChoice,
  { namespace, kind, name }: Group,
  matches: readonly Match[],
): boolean {
  if (workload !== undefined && !isNamed(workload, { namespace, kind, name })) return false;
  return matches.some((match) => isCalled(match.identity, identity));
}

function isCalled(identity: Match['identity'], wanted: string): boolean {
  return identity.name === wanted || identity.clientId === wanted.toLowerCase();
}

function toReason(matches: readonly Match[], named: string | undefined): DefaultReason {
  if (matches.length === 1) return 'only';
  if (named !== undefined) return 'flag';
  return new Set(matches.map(({ weight }) => weight)).size > 1 ? 'weight' : 'name';
}

function describe(
  { namespace, kind, name }: Group,
  matches: readonly Match[],
  { identity }: Match,
  reason: DefaultReason,
): Finding {
  const all = matches.map((one) => one.identity.name).join(', ');
  const rest = 'requests without client_id get it';
  if (reason === 'flag') {
    const message = `of ${all}, ${identity.name} is the default, as --default-identity says: ${rest}`;
    return toFinding('default-chosen', message, 'no change is needed');
  }
  const why =
    reason === 'weight' ? 'its binding has the greatest weight' : 'it is the first by name';
  return toFinding(
    'several-identities',
    `of ${all}, ${identity.name} is the default, because ${why}: ${rest}, where AAD Pod Identity answered with any of them`,
    `choose with --default-identity=${namespace}/${kind}/${name}=<NAME>, or let the application send client_id`,
  );
}
