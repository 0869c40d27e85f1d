import { toPrintable } from '../../shared/untrusted-text.ts';
import type { Finding, ObjectName, PlacedFinding, Plan, PlannedWorkload, Status } from '../plan.ts';

/** `Deployment shop/web`; names come from files and may hold anything. */
export function formatObject({ kind, namespace, name }: ObjectName): string {
  return toPrintable(`${kind} ${namespace === null ? '' : `${namespace}/`}${name}`);
}

/** `deploy.yaml:12`, or nothing where there is no place. */
export function formatPlace({
  file,
  line,
}: {
  readonly file: string | null;
  readonly line: number | null;
}): string {
  return file === null ? '' : toPrintable(`${file}:${line ?? 1}`);
}

export function formatFinding({ message, fix }: Finding): string {
  return toPrintable(`${message}; ${fix}`);
}

/** `deploy.yaml:12: message; fix`. */
export function formatPlaced(finding: PlacedFinding): string {
  const place = formatPlace(finding);
  return `${place === '' ? '' : `${place}: `}${formatFinding(finding)}`;
}

/** Names of the identities, the default first and marked if there are others. */
export function formatIdentities({ identities }: PlannedWorkload): string {
  if (identities.length === 0) return '–';
  return toPrintable(
    identities
      .toSorted((a, b) => Number(b.default) - Number(a.default))
      .map(({ name, default: isDefault }) =>
        isDefault && identities.length > 1 ? `${name} (default)` : name,
      )
      .join(', '),
  );
}

export function formatServiceAccount({
  serviceAccount: { name, action },
}: PlannedWorkload): string {
  return toPrintable(action === 'none' ? name : `${name} (${action})`);
}

const statuses: readonly Status[] = ['ready', 'attention', 'blocked', 'exempt'];

/** `4 workloads: 2 ready, 1 attention, 1 blocked`. */
export function formatStatuses({ summary }: Plan): string {
  const total = statuses.reduce((sum, status) => sum + summary.workloads[status], 0);
  const counts = statuses
    .filter((status) => summary.workloads[status] > 0)
    .map((status) => `${summary.workloads[status]} ${status}`);
  return `${count(total, 'workload')}${counts.length === 0 ? '' : `: ${counts.join(', ')}`}`;
}

/** `1 workload`, `2 workloads`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`;
}

/** How AAD Pod Identity matches here, as a sentence. */
export function formatScope({ summary: { scope } }: Plan): string {
  switch (scope) {
    case 'cluster':
      return 'AAD Pod Identity matches across namespaces here.';
    case 'namespace':
      return 'AAD Pod Identity matches within a namespace here (forceNamespaced).';
    case 'unknown':
      return 'The input does not say whether AAD Pod Identity matches across namespaces.';
  }
}
