import { rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CopiedPrograms,
  copyProgramsFor,
  makeSharedFolder,
} from '../../demo/shared-folder.ts';
import { createNamespace, type Finished, type Namespace, type RunOptions } from './netns.ts';
import type { AgentMethods, Destination, Outcome } from './netns-agent.ts';
import { dist } from './proxy-process.ts';

/** The program under test: the bundle, or what PROXY_INIT names. */
export const proxyInit =
  process.env['PROXY_INIT'] ?? join(import.meta.dirname, '../../dist/proxy-init');

export const imds = { host: '169.254.169.254', port: 80 } as const;

/**
 * A pod and its node, joined by a veth pair and by nothing to the rest of the world. The node answers as
 * the metadata service and the wire server would; each listener says where it is.
 */
export interface Lab {
  readonly pod: Namespace;
  readonly node: Namespace;
  readonly inPod: AgentMethods;
  readonly onNode: AgentMethods;
  /** Runs proxy-init in the pod, with its output as text. */
  init(
    args?: readonly string[],
    env?: Readonly<Record<string, string>>,
    options?: RunOptions,
  ): Promise<Finished>;
  /** The program under test as a command for users who may not enter the checkout. */
  initForAll(): readonly string[];
  /** Lets something in the pod connect. */
  ask(destination?: Partial<Destination>): Promise<Outcome>;
  remove(): Promise<void>;
}

/** Addresses of the node's listeners beside the metadata service's port 80. */
export const nodeListeners = [
  { host: '169.254.169.254', port: 80, name: 'imds' },
  { host: '169.254.169.254', port: 81, name: 'imds:81' },
  { host: '169.254.169.254', port: 443, name: 'imds:443' },
  { host: '169.254.169.254', port: 8080, name: 'imds:8080' },
  { host: '168.63.129.16', port: 80, name: 'wire' },
  { host: '168.63.129.16', port: 32_526, name: 'wire:32526' },
  { host: '168.63.129.16', port: 53, name: 'dns', udp: true },
  { host: '10.77.0.1', port: 80, name: 'other' },
] as const;

export async function createLab(): Promise<Lab> {
  const [pod, node] = await Promise.all([createNamespace(), createNamespace()]);
  await pod.must(['ip', '-batch', '-'], {
    input: `link add eth0 type veth peer name veth0 netns ${node.path}
addr add 10.77.0.2/24 dev eth0
link set eth0 up
`,
  });
  await node.must(['ip', '-batch', '-'], {
    input: `addr add 10.77.0.1/24 dev veth0
link set veth0 up
addr add 169.254.169.254/32 dev lo
addr add 168.63.129.16/32 dev lo
addr add 10.10.0.9/32 dev lo
`,
  });
  await pod.must(['ip', 'route', 'add', 'default', 'via', '10.77.0.1']);
  const [inPod, onNode] = await Promise.all([pod.startAgent(), node.startAgent()]);
  let folder: string | undefined;
  let copied: CopiedPrograms | undefined;
  const initForAll = (): readonly string[] => {
    if (process.env['PROXY_INIT'] !== undefined) return [proxyInit];
    folder ??= makeSharedFolder('netns-lab-');
    copied ??= copyProgramsFor(65_534, dist, folder);
    return [copied.node, join(copied.bin, 'proxy-init')];
  };
  for (const listener of nodeListeners) await onNode.listen(listener);
  return {
    pod,
    node,
    inPod,
    onNode,
    init: (args = [], env = {}, options = {}) =>
      // Through another program it may run as another user.
      pod.run([...(options.through === undefined ? [proxyInit] : initForAll()), ...args], {
        ...options,
        env: { ...options.env, ...env },
      }),
    initForAll,
    ask: (destination = {}) => inPod.ask({ ...imds, ...destination }),
    async remove() {
      await Promise.all([pod.remove(), node.remove()]);
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
