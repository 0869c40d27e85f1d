import type { TemplatePath } from '../../inject/kinds.ts';
import { ManifestError } from '../../inject/manifest/manifest-error.ts';
import { isMap, type ValueMap } from '../../inject/manifest/value.ts';
import {
  type ChangedObject,
  type ChangeSettings,
  changeWorkload,
  isChanged,
} from '../change/change-workload.ts';
import { cleanObject } from '../change/clean-object.ts';
import { readOrigin, renderObject } from '../change/render-object.ts';
import type { Plan, PlannedWorkload } from '../plan.ts';
import { toFileName } from './file-name.ts';

/** A workload as it must be applied. */
export interface WorkloadFile {
  /** Relative to the folder of all files. */
  readonly path: string;
  readonly text: string;
  readonly workload: PlannedWorkload;
  readonly notes: readonly string[];
}

/** One file for each workload that changes and is in the input, in the order of the plan. */
export function toWorkloadFiles(
  plan: Plan,
  settings: ChangeSettings,
  templatePaths: readonly TemplatePath[],
): readonly WorkloadFile[] {
  return plan.workloads.flatMap((workload) => {
    const { origin } = workload;
    if (origin === undefined || !isChanged(workload, settings)) return [];
    const resource = readOrigin(origin, templatePaths);
    if (resource === undefined) return [];
    const { value, notes } = change(resource, workload, settings);
    if (value === resource.value) return [];
    const wanted = withNamespace(cleanObject(value), workload.namespace);
    return [{ path: toPath(workload), text: renderObject(wanted, origin), workload, notes }];
  });
}

/** Names the workload in an error. */
function change(
  ...[resource, workload, settings]: Parameters<typeof changeWorkload>
): ChangedObject {
  try {
    return changeWorkload(resource, workload, settings);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const { kind, namespace, name } = workload;
    throw new ManifestError(`${kind} ${namespace}/${name}: ${error.message}`, error.place);
  }
}

/** The plan has assumed one where it is missing, and the ServiceAccount must be in it too. */
export function withNamespace(object: ValueMap, namespace: string): ValueMap {
  const { metadata } = object;
  if (!isMap(metadata) || metadata['namespace'] !== undefined) return object;
  const { name, ...rest } = metadata;
  return {
    ...object,
    metadata: { ...(name !== undefined && { name }), namespace, ...rest },
  };
}

/** Kinds of other groups may have the names of Kubernetes' own. */
const ownGroups = ['', 'apps', 'batch', 'extensions'];

function toPath({ namespace, kind, group, name }: PlannedWorkload): string {
  const type = ownGroups.includes(group) ? kind : `${kind}.${group}`;
  return `workloads/${toFileName(namespace)}/${toFileName(type.toLowerCase())}-${toFileName(name)}.yaml`;
}
