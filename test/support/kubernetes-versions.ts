import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { V1Node } from '@kubernetes/client-node';
import type { Cluster } from './kubernetes-cluster.ts';

/** What a run met, by the name of the program. */
export type ClusterVersions = Readonly<
  Record<'Kubernetes' | 'runtime' | 'runc' | 'kernel' | 'system', string>
>;

export async function readVersions(cluster: Cluster): Promise<ClusterVersions> {
  const { status } = await cluster.get<V1Node>('node', 'node');
  const { gitVersion } = JSON.parse(await cluster.kubectl(['get', '--raw', '/version']));
  const { stdout } = await promisify(execFile)('runc', ['--version'], { timeout: 10_000 });
  return {
    Kubernetes: withoutV(gitVersion),
    runtime: (status?.nodeInfo?.containerRuntimeVersion ?? '').replace('://', ' '),
    runc: stdout.match(/version (\S+)/)?.[1] ?? '',
    // Without the name of who built it.
    kernel: status?.nodeInfo?.kernelVersion.match(/^[\d.]+/)?.[0] ?? '',
    system: status?.nodeInfo?.osImage ?? '',
  };
}

/** The minor version of Kubernetes 1. */
export function minorOf({ Kubernetes }: ClusterVersions): number {
  return Number(Kubernetes.split('.')[1]);
}

function withoutV(version: string): string {
  return version.replace(/^v/, '');
}
