import { groupBy } from '../group-by.ts';
import type { IssuedCredential } from './credentials-shell.ts';
import { toComment, toHclString } from './quote.ts';

/**
 * The federated credentials for Terraform: those of managed identities for the provider azurerm, those of applications for
 * azuread. Both providers lock the identity while they write, so that writes to it do not overlap.
 * @param tenantOf the tenant of a service principal, by its client ID.
 */
export function renderCredentialsTerraform(
  credentials: readonly IssuedCredential[],
  tenantOf: (clientId: string) => string | undefined,
): string {
  const managed = credentials.filter(({ type }) => type === 'UserAssignedManagedIdentity');
  const applications = credentials.filter(({ type }) => type !== 'UserAssignedManagedIdentity');
  const subscriptions = groupBy(managed, ({ subscription }) => subscription ?? '');
  const tenants = groupBy(applications, ({ clientId }) => tenantOf(clientId) ?? '');
  const blocks = [
    renderRequirements(managed.length > 0, applications.length > 0),
    ...[...subscriptions].flatMap(([key, all], index) => renderManaged(key, all, index)),
    ...[...tenants].flatMap(([key, all], index) => renderApplications(key, all, index)),
  ];
  return `${head}\n${blocks.join('\n')}`;
}

function renderRequirements(hasManaged: boolean, hasApplications: boolean): string {
  const provider = (name: string, version: string): string => `    ${name} = {
      source  = "hashicorp/${name}"
      version = "${version}"
    }
`;
  return `terraform {
  required_version = ">= 1.3"
  required_providers {
${hasManaged ? provider('azurerm', '>= 4.67') : ''}${hasApplications ? provider('azuread', '>= 3.0') : ''}  }
}
`;
}

function renderManaged(
  subscription: string,
  all: readonly IssuedCredential[],
  index: number,
): readonly string[] {
  const { name, alias, provider } = nameProvider('azurerm', index);
  const settings = [
    ...(alias === undefined ? [] : [['alias', alias] as const]),
    ['subscription_id', subscription] as const,
  ];
  const idOf = ({ resourceGroup, identity }: IssuedCredential): string =>
    `/subscriptions/${subscription}/resourceGroups/${resourceGroup}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${identity}`;
  return [
    `provider "azurerm" {
${renderArguments(settings, '  ')}  features {}
}
`,
    `resource "azurerm_federated_identity_credential" "${name}" {
${provider}  for_each = {
${all
  .map(
    (one) => `    ${toHclString(`${one.resourceGroup}/${one.identity}/${one.name}`)} = {
      identity = ${toHclString(idOf(one))}
${renderTrust(one)}    }
`,
  )
  .join('')}  }

  name                      = each.value.name
  user_assigned_identity_id = each.value.identity
  issuer                    = each.value.issuer
  subject                   = each.value.subject
  audience                  = [each.value.audience]
}
`,
  ];
}

function renderTrust({ name, issuer, subject, audience }: IssuedCredential): string {
  const values = { name, issuer, subject, audience };
  return renderArguments(Object.entries(values), '      ');
}

function renderApplications(
  tenant: string,
  all: readonly IssuedCredential[],
  index: number,
): readonly string[] {
  const { name, alias, provider } = nameProvider('azuread', index);
  const clientIds = [...new Map(all.map(({ clientId, identity }) => [clientId, identity]))];
  const settings = [
    ...(alias === undefined ? [] : [['alias', alias] as const]),
    ...(tenant === '' ? [] : [['tenant_id', tenant] as const]),
  ];
  const body = settings.length === 0 ? '{}' : `{\n${renderArguments(settings, '  ')}}`;
  return [
    `provider "azuread" ${body}
`,
    `data "azuread_application" "${name}" {
${provider}  for_each = toset([
${clientIds.map(([clientId, identity]) => `    ${toHclString(clientId)}, # ${toComment(identity)}\n`).join('')}  ])

  client_id = each.key
}
`,
    `resource "azuread_application_federated_identity_credential" "${name}" {
${provider}  for_each = {
${all
  .map(
    (one) => `    ${toHclString(`${one.clientId}/${one.name}`)} = {
      client   = ${toHclString(one.clientId)}
${renderTrust(one)}    }
`,
  )
  .join('')}  }

  application_id = data.azuread_application.${name}[each.value.client].id
  display_name   = each.value.name
  issuer         = each.value.issuer
  subject        = each.value.subject
  audiences      = [each.value.audience]
}
`,
  ];
}

/** A provider has one subscription or tenant, so each further one needs its own provider. */
function nameProvider(
  provider: string,
  index: number,
): { readonly name: string; readonly alias: string | undefined; readonly provider: string } {
  if (index === 0) return { name: 'migration', alias: undefined, provider: '' };
  const name = `migration_${index + 1}`;
  return { name, alias: name, provider: `  provider = ${provider}.${name}\n` };
}

/** Texts by their names, with the equals signs below each other. */
function renderArguments(values: readonly (readonly [string, string])[], indent: string): string {
  const width = Math.max(...values.map(([name]) => name.length));
  return values
    .map(([name, value]) => `${indent}${name.padEnd(width)} = ${toHclString(value)}\n`)
    .join('');
}

const head = `# The federated credentials of the identities. Use this folder with terraform init and terraform apply, or take the
# resources into your own configuration. Terraform refuses credentials that it did not create: import those, or use
# federated-credentials.sh, which keeps them.
`;
