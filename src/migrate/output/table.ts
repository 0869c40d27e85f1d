import { toPrintable } from '../../shared/untrusted-text.ts';
import { groupBy } from '../group-by.ts';
import type { Finding, Plan } from '../plan.ts';
import {
  count,
  formatFinding,
  formatIdentities,
  formatObject,
  formatPlace,
  formatPlaced,
  formatScope,
  formatServiceAccount,
  formatStatuses,
} from './text.ts';

/** The plan for a terminal. Of workloads and identities it shows the findings that somebody must look at. */
export function formatTable(plan: Plan): string {
  const parts = [
    formatWorkloads(plan),
    formatDetails(plan),
    formatIdentityTable(plan),
    formatCredentials(plan),
    formatClasses(plan),
    formatRemovals(plan),
    formatGeneral(plan),
    formatSummary(plan),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function formatWorkloads({ workloads }: Plan): string {
  return toColumns(
    ['NAMESPACE', 'WORKLOAD', 'LABEL', 'IDENTITY', 'SERVICEACCOUNT', 'STATUS'],
    workloads.map((one) => [
      toPrintable(one.namespace),
      toPrintable(`${one.kind}/${one.name}`),
      toPrintable(one.binding ?? '–'),
      formatIdentities(one),
      formatServiceAccount(one),
      one.status,
    ]),
  );
}

function isUrgent({ level }: Finding): boolean {
  return level !== 'note';
}

function formatDetails({ workloads }: Plan): string {
  return workloads
    .map((one) => {
      const urgent = one.findings.filter(isUrgent);
      if (urgent.length === 0) return '';
      const place = formatPlace(one);
      const head = `${formatObject(one)}${place === '' ? '' : ` (${place})`}:\n`;
      return (
        head + urgent.map((finding) => `  ${finding.level}: ${formatFinding(finding)}\n`).join('')
      );
    })
    .join('');
}

function formatIdentityTable({ identities }: Plan): string {
  const table = toColumns(
    ['NAMESPACE', 'IDENTITY', 'CLIENT ID', 'TYPE', 'CREDENTIALS'],
    identities.map(({ namespace, name, clientId, type, credentials, limit }) => [
      toPrintable(namespace),
      toPrintable(name),
      clientId ?? '–',
      type ?? '–',
      `${credentials} of ${limit}`,
    ]),
  );
  const findings = identities.flatMap((one) => {
    const isUnused = one.findings.some(({ code }) => code === 'identity-unused');
    const object = formatObject({ kind: 'AzureIdentity', ...one });
    return (
      one.findings
        // The urgent ones of those in use stand with the workloads.
        .filter((finding) => isUnused || !isUrgent(finding))
        .map(
          (finding) =>
            `  ${formatPlace(one)}: ${object}: ${finding.level}: ${formatFinding(finding)}\n`,
        )
    );
  });
  return table + findings.join('');
}

function formatCredentials({ federatedCredentials, identityBindings }: Plan): string {
  const table = toColumns(
    ['FEDERATED CREDENTIAL', 'IDENTITY', 'SUBJECT', 'ISSUER'],
    federatedCredentials.map(({ name, identity, subject, issuer }) => [
      toPrintable(name),
      toPrintable(identity),
      toPrintable(subject),
      toPrintable(issuer ?? '–'),
    ]),
  );
  const bindings = toColumns(
    ['IDENTITY BINDING', 'CLIENT ID', 'SERVICEACCOUNTS'],
    identityBindings.map(({ name, clientId, serviceAccounts }) => [
      toPrintable(name),
      clientId,
      toPrintable(serviceAccounts.map((one) => `${one.namespace}/${one.name}`).join(', ')),
    ]),
  );
  return [table, bindings].filter((part) => part !== '').join('\n');
}

function formatClasses({ secretProviderClasses }: Plan): string {
  return secretProviderClasses
    .map((one) => {
      const head = `${formatObject({ kind: 'SecretProviderClass', ...one })} (${formatPlace(one)}):\n`;
      return (
        head + one.findings.map((each) => `  ${each.level}: ${formatFinding(each)}\n`).join('')
      );
    })
    .join('');
}

function formatRemovals({ components, leftovers }: Plan): string {
  const lines = [
    ...components.map(
      (one) =>
        `  ${formatObject(one)} (${one.component.toUpperCase()}${one.isAddOn ? ', part of the AKS add-on' : ''})\n`,
    ),
    ...[...groupBy(leftovers, ({ kind }) => kind)].map(
      ([kind, all]) => `  ${toPrintable(kind)}: ${all.length}\n`,
    ),
  ];
  return lines.length === 0 ? '' : `To remove when nothing depends on them:\n${lines.join('')}`;
}

function formatGeneral({ findings }: Plan): string {
  // Errors go to standard error.
  const shown = findings.filter(({ level }) => level !== 'error');
  return shown.map((finding) => `${finding.level}: ${formatPlaced(finding)}\n`).join('');
}

function formatSummary(plan: Plan): string {
  const { summary } = plan;
  const notes = plan.workloads
    .flatMap((one) => one.findings)
    .filter((one) => !isUrgent(one)).length;
  const lines = [
    `${formatStatuses(plan)}; ${count(summary.others, 'other workload')} without identity`,
    `${count(summary.identities, 'AzureIdentity').replace('Identitys', 'Identities')}, ${count(summary.federatedCredentials, 'federated credential')} to create, ${summary.depending} still depending on AAD Pod Identity`,
    formatScope(plan),
    ...(notes > 0
      ? [`${count(notes, 'note')} about workloads: --output=markdown or json shows them`]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** Columns with two spaces in between; empty without rows. */
function toColumns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const all = [head, ...rows];
  const widths = head.map((_, column) =>
    all.reduce((most, row) => Math.max(most, (row[column] ?? '').length), 0),
  );
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}
