import { toFinding } from '../finding.ts';
import type {
  Finding,
  PlannedSecretProviderClass,
  PlannedWorkload,
  WorkloadIdentity,
} from '../plan.ts';
import type { Cluster, SecretProviderClass } from '../read/cluster.ts';
import type { Group } from './group.ts';

/** What to say to a workload that mounts a SecretProviderClass with pod identity. */
export function describeMounted(
  group: Group,
  identities: readonly WorkloadIdentity[],
  { secretProviderClasses }: Cluster,
): readonly Finding[] {
  const main = identities.find((one) => one.default);
  return secretProviderClasses
    .filter((one) => one.namespace === group.namespace && isMountedBy(one, group))
    .map((one) => describe(one, main?.clientId));
}

/** All of them: each must be changed, whoever mounts it. */
export function planSecretProviderClasses(
  { secretProviderClasses }: Cluster,
  groups: readonly Group[],
  workloads: readonly PlannedWorkload[],
): readonly PlannedSecretProviderClass[] {
  return secretProviderClasses.map((one) => {
    const { namespace, name, file, line } = one;
    const users = groups.filter(
      (group) => group.namespace === namespace && isMountedBy(one, group),
    );
    const clientIds = users.flatMap((group) =>
      workloads
        .filter((each) => each.namespace === namespace && each.kind === group.kind)
        .filter((each) => each.name === group.name)
        .flatMap((each) => each.identities.find((identity) => identity.default)?.clientId ?? []),
    );
    const [clientId, ...others] = new Set(clientIds);
    return {
      namespace,
      name,
      usedBy: users.map((group) => ({ kind: group.kind, namespace, name: group.name })),
      findings: [describe(one, others.length === 0 ? clientId : undefined)],
      file,
      line,
    };
  });
}

function isMountedBy({ name }: SecretProviderClass, { top, members }: Group): boolean {
  return [...(top === undefined ? [] : [top]), ...members].some(({ templates }) =>
    templates.some((one) => one.secretProviderClasses.includes(name)),
  );
}

function describe(
  { name, clientId: own }: SecretProviderClass,
  clientId: string | undefined,
): Finding {
  return toFinding(
    'secret-provider-class',
    `SecretProviderClass ${name} has usePodIdentity: "true": the CSI driver asks for the token on the node, where no proxy of a pod can help`,
    `in spec.parameters set usePodIdentity: "false" and clientID: ${own ?? clientId ?? '<CLIENT_ID>'}; the driver then shows the token of the pod's ServiceAccount, which needs the federated credential of this plan`,
  );
}
