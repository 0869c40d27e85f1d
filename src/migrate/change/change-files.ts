import type { Input } from '../../inject/inputs.ts';
import type { TemplatePath } from '../../inject/kinds.ts';
import { ManifestError } from '../../inject/manifest/manifest-error.ts';
import type { ValueMap } from '../../inject/manifest/value.ts';
import type { Resource } from '../../inject/workload.ts';
import type { Plan, PlannedServiceAccount, PlannedWorkload } from '../plan.ts';
import { annotateAccount, createAccount } from './change-account.ts';
import { type ChangeSettings, changeWorkload, isChanged } from './change-workload.ts';
import { appendObject, editFile } from './edit-file.ts';

/** What becomes of the files of the input. */
export interface ChangedFiles {
  /** Those that change. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** What to know about the changes, and what no file of the input could take. */
  readonly notes: readonly string[];
  /** Objects that cannot be changed without changing something else. */
  readonly errors: readonly string[];
}

/**
 * The files of the input as the plan wants them. A ServiceAccount that must be created goes to the end of the file with
 * its first workload.
 * @param namespace of objects that have none.
 */
export function changeFiles(
  plan: Plan,
  inputs: readonly Input[],
  settings: ChangeSettings & { readonly namespace: string },
  templatePaths: readonly TemplatePath[],
): ChangedFiles {
  const workloads = new Map(
    plan.workloads
      .filter((one) => isChanged(one, settings))
      .map((one) => [keyOf(one.namespace, one.group, one.kind, one.name), one]),
  );
  const accounts = new Map(
    plan.serviceAccounts.map((one) => [keyOf(one.namespace, '', 'ServiceAccount', one.name), one]),
  );
  const missing = new Map(accounts);
  const files: { path: string; text: string }[] = [];
  const notes: string[] = [];
  const errors: string[] = [];

  for (const { name, path, text } of inputs) {
    const users: { readonly workload: PlannedWorkload; readonly hasNamespace: boolean }[] = [];
    const change = (resource: Resource): ValueMap => {
      const { namespace = settings.namespace, group, kind, name: object } = resource;
      const key = keyOf(namespace, group, kind, object);
      const account = accounts.get(key);
      if (account !== undefined) {
        missing.delete(key);
        return annotateAccount(resource.value, account);
      }
      const workload = workloads.get(key);
      if (workload === undefined) return resource.value;
      const place = `${name}: ${kind} ${object}`;
      try {
        const changed = changeWorkload(resource, workload, settings);
        users.push({ workload, hasNamespace: resource.namespace !== undefined });
        notes.push(...changed.notes.map((note) => `${place}: ${note}`));
        return changed.value;
      } catch (error) {
        if (!(error instanceof ManifestError)) throw error;
        errors.push(`${place}: ${error.message}`);
        return resource.value;
      }
    };
    try {
      const edited = editFile(text, change, templatePaths);
      const complete = users.reduce((all, { workload, hasNamespace }) => {
        const created = toCreated(workload, missing, hasNamespace);
        return created === undefined ? all : appendObject(all, created);
      }, edited);
      if (path !== undefined && complete !== text) files.push({ path, text: complete });
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      const at = 'line' in error.place ? `:${error.place.line}:${error.place.column}` : '';
      errors.push(`${name}${at}: ${error.message}`);
    }
  }
  for (const account of missing.values()) notes.push(describeMissing(account));
  return { files, notes, errors };
}

function keyOf(namespace: string, group: string, kind: string, name: string): string {
  return JSON.stringify([namespace, group === 'extensions' ? 'apps' : group, kind, name]);
}

/** The ServiceAccount that a workload needs and no file has yet. */
function toCreated(
  { namespace, serviceAccount }: PlannedWorkload,
  missing: Map<string, PlannedServiceAccount>,
  hasNamespace: boolean,
): ValueMap | undefined {
  const key = keyOf(namespace, '', 'ServiceAccount', serviceAccount.name);
  const planned = missing.get(key);
  if (planned?.action !== 'create') return undefined;
  missing.delete(key);
  const account = createAccount(planned);
  if (hasNamespace) return account;
  // The command that applies the workload puts both into one namespace.
  const { name, annotations } = planned;
  return { ...account, metadata: { name, annotations: { ...annotations } } };
}

function describeMissing({ namespace, name, annotations }: PlannedServiceAccount): string {
  const pairs = Object.entries(annotations).map(([key, value]) => `${key}=${value}`);
  return `ServiceAccount ${namespace}/${name} is in none of the files; annotate it where it is made: ${pairs.join(' ')}`;
}
