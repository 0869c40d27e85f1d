import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const maxBuffer = 64 * 1024 * 1024;
/** Above every --timeout that the tests give to kubectl itself. */
const deadlineMs = 120_000;

/** A command of kubectl that failed, with its output. */
export class KubectlFailure extends Error {
  override readonly name = 'KubectlFailure';
}

/** The cluster of .ci/kubernetes/up. */
export interface Cluster {
  /** Path of the file with which any client reaches it. */
  readonly kubeconfig: string;
  /** @throws KubectlFailure */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  get<T>(...args: readonly string[]): Promise<T>;
  /** Creates or changes objects, or text with such. */
  apply(objects: readonly object[] | string): Promise<void>;
  /** Creates an object that is a question, and returns it with its answer. */
  ask<T>(object: object): Promise<T>;
  /** Ends a container behind the kubelet's back. @param id as a status has it, with its runtime */
  killContainer(id: string): Promise<void>;
}

export interface ClusterPaths {
  /** The folder that .ci/kubernetes/build prints. */
  readonly binaries: string;
  /** The folder that .ci/kubernetes/up prints. */
  readonly state: string;
}

export function toCluster({ binaries, state }: ClusterPaths): Cluster {
  const kubeconfig = join(state, 'kubeconfig');
  const cluster: Cluster = {
    kubeconfig,
    async kubectl(args, input) {
      const running = execute(join(binaries, 'kubectl'), [`--kubeconfig=${kubeconfig}`, ...args], {
        maxBuffer,
        timeout: deadlineMs,
      });
      // A kubectl that has failed reads no input.
      running.child.stdin?.on('error', () => undefined).end(input);
      const { stdout } = await running.catch((error: { stdout: string; stderr: string }) => {
        throw new KubectlFailure(
          `kubectl ${args.join(' ')}: ${error.stdout ?? ''}${error.stderr ?? error}`,
        );
      });
      return stdout;
    },
    async get<T>(...args: readonly string[]) {
      return JSON.parse(await cluster.kubectl(['get', '--output=json', ...args])) as T;
    },
    async apply(objects) {
      await cluster.kubectl(['apply', '--filename=-'], toText(objects));
    },
    async ask<T>(object: object) {
      const args = ['create', '--filename=-', '--output=json'];
      return JSON.parse(await cluster.kubectl(args, toText([object]))) as T;
    },
    async killContainer(id) {
      const [runtime = '', name = ''] = id.split('://');
      const args = [`--address=${join(state, 'containerd.sock')}`, '--namespace=k8s.io'];
      await (runtime === 'docker'
        ? execute('docker', ['kill', name], { timeout: deadlineMs })
        : execute('ctr', [...args, 'tasks', 'kill', '--signal=SIGKILL', name], {
            timeout: deadlineMs,
          }));
    },
  };
  return cluster;
}

/** What kubectl reads from standard input. */
export function toText(objects: readonly object[] | string): string {
  if (typeof objects === 'string') return objects;
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
}
