import type { TemplatePath } from '../../inject/kinds.ts';
import type { ChangeSettings } from '../change/change-workload.ts';
import type { PlanSettings } from '../plan/settings.ts';
import type { Plan } from '../plan.ts';
import { renderBindingRoles, renderServiceAccounts } from './account-files.ts';
import { renderBindingsScript } from './binding-shell.ts';
import { renderCleanup } from './cleanup-shell.ts';
import { bicepModule, bicepModuleText, renderCredentialsBicep } from './credentials-bicep.ts';
import { type IssuedCredential, renderCredentialsScript } from './credentials-shell.ts';
import { renderCredentialsTerraform } from './credentials-terraform.ts';
import { renderSteps } from './readme.ts';
import { toWorkloadFiles } from './workload-files.ts';

/** A file of the folder that --write makes. */
export interface WrittenFile {
  /** Relative, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly isProgram: boolean;
}

export interface FileSettings {
  readonly plan: PlanSettings;
  readonly change: ChangeSettings;
  readonly templatePaths: readonly TemplatePath[];
}

/**
 * Everything that a plan needs, as files. The same plan always gives the same files.
 * @param planText the plan as Markdown, which the README begins and ends with.
 * @throws ManifestError if a workload cannot be changed after all.
 */
export function toFiles(
  plan: Plan,
  settings: FileSettings,
  planText: { readonly head: string; readonly details: string },
): readonly WrittenFile[] {
  const { templatePaths } = settings;
  const workloads = toWorkloadFiles(plan, settings.change, templatePaths);
  const credentials = plan.federatedCredentials.filter(isIssued);
  const managed = credentials.filter(({ type }) => type === 'UserAssignedManagedIdentity');
  const tenants = new Map(
    plan.identities.map(({ clientId, tenantId }) => [clientId, tenantId ?? undefined]),
  );
  const tenantOf = (clientId: string): string | undefined =>
    tenants.get(clientId) ?? settings.plan.tenantId;
  const limit = plan.identities[0]?.limit ?? 20;
  const steps = renderSteps({
    plan,
    workloads,
    issuers: [...new Set(credentials.map(({ issuer }) => issuer))],
    hasOwnToken: settings.plan.inject.credentials.kind === 'own',
    dropsLabel: settings.change.dropLabel,
  });
  const files: readonly (WrittenFile | false)[] = [
    text('README.md', `${planText.head}\n${steps}\n${planText.details}`),
    credentials.length > 0 &&
      program('federated-credentials.sh', renderCredentialsScript(credentials, limit, tenantOf)),
    managed.length > 0 && text('federated-credentials.bicep', renderCredentialsBicep(managed)),
    managed.length > 0 && text(bicepModule, bicepModuleText),
    credentials.length > 0 &&
      text('federated-credentials.tf', renderCredentialsTerraform(credentials, tenantOf)),
    plan.identityBindings.length > 0 &&
      program('identity-bindings.sh', renderBindingsScript(plan.identityBindings)),
    plan.identityBindings.length > 0 &&
      text('identity-bindings.yaml', renderBindingRoles(plan.identityBindings)),
    plan.serviceAccounts.length > 0 &&
      text('serviceaccounts.yaml', renderServiceAccounts(plan.serviceAccounts, templatePaths)),
    ...workloads.map((file) => text(file.path, file.text)),
    program('cleanup.sh', renderCleanup(plan)),
  ];
  return files.filter((file) => file !== false);
}

function isIssued(
  credential: Plan['federatedCredentials'][number],
): credential is IssuedCredential {
  return credential.issuer !== null;
}

function text(path: string, content: string): WrittenFile {
  return { path, text: content, isProgram: false };
}

function program(path: string, content: string): WrittenFile {
  return { path, text: content, isProgram: true };
}
