import type { V1Namespace, V1Pod, V1ServiceAccount } from '@kubernetes/client-node';
import { type Admission, evaluate } from './policy-evaluation.ts';

/** The surroundings of a pod, as far as policies look at them. */
export interface Surroundings {
  /** Annotations of its ServiceAccount. */
  readonly account?: Readonly<Record<string, string>>;
  /** Labels of its ServiceAccount. */
  readonly accountLabels?: Readonly<Record<string, string>>;
  readonly namespaceAnnotations?: Readonly<Record<string, string>>;
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  /** Other ServiceAccounts of the namespace. */
  readonly moreAccounts?: readonly V1ServiceAccount[];
}

/** Collects pods, each in its own namespace, and evaluates them together: starting takes longer than a pod. */
export interface World {
  /** @returns what gives the result once `run` has ended. */
  add(pod: V1Pod, surroundings?: Surroundings): () => Admission;
  run(): Promise<void>;
}

export const tenantId = '72f988bf-86f1-41af-91ab-2d7cd011db47';
export const clientId = 'aaaaaaaa-0000-4000-8000-00000000000a';
const clientIdAnnotation = 'azure.workload.identity/client-id';

export function createWorld(policies: readonly object[]): World {
  const pods: V1Pod[] = [];
  const objects: object[] = [...policies];
  let results: readonly Admission[] | undefined;
  return {
    add(pod, surroundings = {}) {
      const index = pods.length;
      const namespace = `case-${index}`;
      const name = pod.spec?.serviceAccountName ?? 'default';
      objects.push(
        toNamespace(namespace, surroundings),
        toAccount(namespace, name, surroundings),
        ...(surroundings.moreAccounts ?? []).map((account) => ({
          ...account,
          metadata: { ...account.metadata, namespace },
        })),
      );
      pods.push({ ...pod, metadata: { ...pod.metadata, namespace } });
      return () => {
        const result = results?.[index];
        if (result === undefined) throw new Error('the world has not run');
        return result;
      };
    },
    async run() {
      results = await evaluate(objects, pods);
    },
  };
}

function toNamespace(
  name: string,
  { namespaceAnnotations = {}, namespaceLabels = {} }: Surroundings,
): V1Namespace {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, annotations: namespaceAnnotations, labels: namespaceLabels },
  };
}

function toAccount(
  namespace: string,
  name: string,
  { account = { [clientIdAnnotation]: clientId }, accountLabels = {} }: Surroundings,
): V1ServiceAccount {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace, annotations: account, labels: accountLabels },
  };
}

/** A pod that asks for the proxy. */
export function toPod(
  annotations: Readonly<Record<string, string>> = {},
  spec: Partial<V1Pod['spec']> = {},
): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'app',
      labels: { 'azure.workload.identity/use': 'true' },
      annotations: { 'azure.workload.identity/inject-proxy-sidecar': 'true', ...annotations },
    },
    spec: {
      serviceAccountName: 'wi',
      containers: [{ name: 'app', image: 'example.test/app:1' }],
      ...spec,
    },
  };
}
