import type { Cluster } from './kubernetes-cluster.ts';
import { type Manifest, readManifests } from './kubernetes-manifest.ts';

interface Policy extends Manifest {
  readonly spec?: Manifest['spec'] & {
    readonly variables?: readonly { readonly name: string; expression: string }[];
  };
}

/** The policies of a file, with other values of their first variables. @throws if a variable is not there */
export function readPolicies(
  file: string,
  settings: Readonly<Record<string, unknown>>,
): readonly Manifest[] {
  const manifests: readonly Policy[] = readManifests(file);
  for (const [name, value] of Object.entries(settings)) {
    const found = manifests.flatMap(({ spec }) =>
      (spec?.variables ?? []).filter((variable) => variable.name === name),
    );
    if (found.length === 0) throw new Error(`${file}: no variable ${name}`);
    // JSON is an expression of CEL.
    for (const variable of found) variable.expression = JSON.stringify(value);
  }
  return manifests;
}

/** What an API server says to an object that it does not keep: its result, or the refusal. */
export async function tryCreate(
  cluster: Cluster,
  object: object,
): Promise<{ readonly created?: Manifest; readonly refusal?: string }> {
  try {
    const args = ['create', '--dry-run=server', '--output=json', '--filename=-'];
    return { created: JSON.parse(await cluster.kubectl(args, JSON.stringify(object))) };
  } catch (error) {
    return { refusal: String(error) };
  }
}

/** Waits until the API server applies a new policy: it learns of it some moments later. */
export async function untilPolicy(
  cluster: Cluster,
  probe: object,
  isApplied: (pod: Manifest | undefined) => boolean,
): Promise<void> {
  const deadlineAt = Date.now() + 60_000;
  for (;;) {
    const { created, refusal } = await tryCreate(cluster, probe);
    if (isApplied(created)) return;
    if (Date.now() > deadlineAt) throw new Error(`the policy is not applied: ${refusal}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
