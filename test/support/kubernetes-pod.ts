import type { V1ContainerStatus, V1Pod, V1PodList } from '@kubernetes/client-node';
import type { Container } from './docker.ts';
import type { Cluster } from './kubernetes-cluster.ts';

/** A pod of the cluster. */
export interface ClusterPod {
  readonly name: string;
  container(name: string): Pick<Container, 'name' | 'logs' | 'exec'>;
  /** As the API server has it now. */
  read(): Promise<V1Pod>;
  status(container: string): Promise<V1ContainerStatus>;
  /** Ends a container behind the kubelet's back. */
  kill(container: string): Promise<void>;
}

/** Waits until a workload has rolled out, such as `deployment/web`. @throws KubectlFailure after a minute */
export async function untilRolledOut(
  cluster: Cluster,
  namespace: string,
  workload: string,
): Promise<void> {
  const args = ['rollout', 'status', `--namespace=${namespace}`, workload, '--timeout=60s'];
  await cluster.kubectl(args).catch(async (error: unknown) => {
    const pods = await cluster.kubectl(['describe', 'pods', `--namespace=${namespace}`]);
    throw new Error(`${error}\n${pods}`, { cause: error });
  });
}

/** The one pod with this label `app`, of those that are not about to go. */
export async function findPod(
  cluster: Cluster,
  namespace: string,
  app: string,
): Promise<ClusterPod> {
  const { items } = await cluster.get<V1PodList>(
    'pods',
    `--namespace=${namespace}`,
    `--selector=app=${app}`,
  );
  const [found, ...others] = items.filter(
    ({ metadata }) => metadata?.deletionTimestamp === undefined,
  );
  const name = found?.metadata?.name;
  if (name === undefined || others.length > 0) {
    throw new Error(`${items.length} pods of ${namespace} have the label app=${app}`);
  }
  const pod: ClusterPod = {
    name,
    container: (container) => ({
      name: container,
      async logs() {
        const where = [`--namespace=${namespace}`, name, `--container=${container}`];
        return cluster.kubectl(['logs', ...where]).catch((error: unknown) => {
          if (String(error).includes('is waiting to start')) return '';
          throw error;
        });
      },
      async exec(command) {
        const where = [`--namespace=${namespace}`, name, `--container=${container}`];
        return { exitCode: 0, output: await cluster.kubectl(['exec', ...where, '--', ...command]) };
      },
    }),
    read: () => cluster.get<V1Pod>('pod', `--namespace=${namespace}`, name),
    async status(container) {
      const { status } = await pod.read();
      const every = [
        ...(status?.initContainerStatuses ?? []),
        ...(status?.containerStatuses ?? []),
      ];
      const found = every.find((each) => each.name === container);
      if (found === undefined) throw new Error(`${name} has no status of ${container}`);
      return found;
    },
    async kill(container) {
      const { containerID = '' } = await pod.status(container);
      await cluster.killContainer(containerID);
    },
  };
  return pod;
}
