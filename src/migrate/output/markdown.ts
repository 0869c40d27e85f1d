import { toPrintable } from '../../shared/untrusted-text.ts';
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

/** The plan for a pull request: everything, in tables, with nothing in it that Markdown would act on. */
export function formatMarkdown(plan: Plan): string {
  const { head, details } = formatParts(plan);
  return `${head}\n${details}`;
}

/** The same in two parts, for a document that has more between its summary and its tables. */
export function formatParts(plan: Plan): { readonly head: string; readonly details: string } {
  const details = [
    formatErrors(plan),
    formatWorkloads(plan),
    formatFindings(plan),
    formatServiceAccounts(plan),
    formatIdentityTable(plan),
    formatCredentials(plan),
    formatIdentityBindings(plan),
    formatClasses(plan),
    formatRemovals(plan),
    formatGeneral(plan),
  ];
  return {
    head: `# Migration from AAD Pod Identity\n\n${formatSummary(plan)}`,
    details: details.filter((part) => part !== '').join('\n'),
  };
}

function formatSummary(plan: Plan): string {
  const { federatedCredentials, depending } = plan.summary;
  return `${formatStatuses(plan)}. ${count(federatedCredentials, 'federated credential')} to create. ${depending} still ${depending === 1 ? 'depends' : 'depend'} on AAD Pod Identity. ${formatScope(plan)}\n`;
}

function formatErrors({ findings }: Plan): string {
  const errors = findings.filter(({ level }) => level === 'error');
  if (errors.length === 0) return '';
  return section(
    'Errors in the input',
    `Nothing is written while one of them stands.\n\n${errors.map((one) => `- ${toText(formatPlaced(one))}\n`).join('')}`,
  );
}

function formatWorkloads({ workloads }: Plan): string {
  return section(
    'Workloads',
    toTable(
      ['Namespace', 'Workload', 'Label', 'Identities', 'ServiceAccount', 'Injection', 'Status'],
      workloads.map((one) => [
        one.namespace,
        `${one.kind} ${one.name}`,
        one.binding ?? '–',
        formatIdentities(one),
        formatServiceAccount(one),
        one.injection.kind,
        one.status,
      ]),
    ),
  );
}

function formatFindings({ workloads }: Plan): string {
  const parts = workloads
    .filter(({ findings, injection }) => findings.length + injection.notes.length > 0)
    .map((one) => {
      const place = formatPlace(one);
      const head = `### ${toText(formatObject(one))}${place === '' ? '' : ` (${toText(place)})`}\n\n`;
      const notes = one.injection.notes.map((note) => `- inject: ${toText(toPrintable(note))}\n`);
      return `${head}${one.findings.map(toItem).join('')}${notes.join('')}`;
    });
  return parts.length === 0 ? '' : section('Findings', parts.join('\n'));
}

function toItem(finding: Finding): string {
  const mark = finding.level === 'note' ? 'note' : `**${finding.level}**`;
  return `- ${mark} ${finding.code}: ${toText(formatFinding(finding))}\n`;
}

function formatServiceAccounts({ serviceAccounts }: Plan): string {
  return section(
    'ServiceAccounts',
    toTable(
      ['Namespace', 'ServiceAccount', 'Action', 'Annotations', 'Instead of'],
      serviceAccounts.map((one) => [
        one.namespace,
        one.name,
        one.action,
        Object.entries(one.annotations)
          .map(([key, value]) => `${key}: ${value}`)
          .join(', '),
        one.copyOf ?? '–',
      ]),
    ),
  );
}

function formatIdentityTable({ identities }: Plan): string {
  const findings = identities.flatMap((one) =>
    one.findings.map(
      (finding) => `- ${toText(toPrintable(one.name))}: ${toItem(finding).slice(2)}`,
    ),
  );
  return section(
    'Identities',
    toTable(
      ['Namespace', 'AzureIdentity', 'Client ID', 'Type', 'Federated credentials'],
      identities.map(({ namespace, name, clientId, type, credentials, limit }) => [
        namespace,
        name,
        clientId ?? '–',
        type ?? '–',
        `${credentials} of ${limit}`,
      ]),
    ) + (findings.length === 0 ? '' : `\n${findings.join('')}`),
  );
}

function formatCredentials({ federatedCredentials }: Plan): string {
  return section(
    'Federated credentials',
    toTable(
      ['Identity', 'Name', 'Subject', 'Issuer', 'Audience'],
      federatedCredentials.map(({ identity, name, subject, issuer, audience }) => [
        identity,
        name,
        subject,
        issuer ?? '–',
        audience,
      ]),
    ),
  );
}

function formatIdentityBindings({ identityBindings }: Plan): string {
  return section(
    'Identity bindings',
    toTable(
      ['Name', 'Client ID', 'ServiceAccounts'],
      identityBindings.map(({ name, clientId, serviceAccounts }) => [
        name,
        clientId,
        serviceAccounts.map((one) => `${one.namespace}/${one.name}`).join(', '),
      ]),
    ),
  );
}

function formatClasses({ secretProviderClasses }: Plan): string {
  return section(
    'SecretProviderClasses',
    secretProviderClasses
      .map((one) => {
        const name = `${toText(toPrintable(`${one.namespace}/${one.name}`))} (${toText(formatPlace(one))})`;
        const users = one.usedBy.map((each) => toText(formatObject(each))).join(', ');
        const findings = one.findings.map((each) => toText(formatFinding(each))).join(' ');
        return `- ${name}, mounted by ${users || 'nothing in the input'}: ${findings}\n`;
      })
      .join(''),
  );
}

function formatRemovals({ components, leftovers }: Plan): string {
  return section(
    'To remove when nothing depends on them',
    [...components, ...leftovers].map((one) => `- ${toText(formatObject(one))}\n`).join(''),
  );
}

function formatGeneral({ findings }: Plan): string {
  const shown = findings.filter(({ level }) => level !== 'error');
  return section(
    'Notes',
    shown.map((one) => `- ${one.code}: ${toText(formatPlaced(one))}\n`).join(''),
  );
}

function section(title: string, text: string): string {
  return text === '' ? '' : `## ${title}\n\n${text}`;
}

function toTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const toRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return [
    toRow(head),
    toRow(head.map(() => '---')),
    ...rows.map((row) => toRow(row.map((cell) => toText(toPrintable(cell))))),
  ].join('');
}

/** Names and values come from files: none may become a link, a mention, HTML or another cell. */
function toText(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/[\\`*_[\]<>|~]/g, (character) => `\\${character}`)
    .replace(/(^|[^\w])@(?=\w)/g, '$1&#64;');
}
