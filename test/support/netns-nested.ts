import type { Namespace } from './netns.ts';
import { createNamespace } from './netns.ts';
import type { AgentMethods } from './netns-agent.ts';

/** What is nested in a pod: a container of Docker in Docker, or a virtual machine of KubeVirt. */
export interface Nested {
  readonly machine: Namespace;
  readonly inMachine: AgentMethods;
}

/**
 * Puts a machine behind a bridge of the pod, which routes its traffic and masquerades it, as Docker and
 * KubeVirt do.
 */
export async function createNested(pod: Namespace, bridge: string): Promise<Nested> {
  const machine = await createNamespace();
  await pod.must(['ip', '-batch', '-'], {
    input: `link add ${bridge} type bridge
addr add 172.17.0.1/16 dev ${bridge}
link set ${bridge} up
link add port0 type veth peer name eth0 netns ${machine.path}
link set port0 master ${bridge}
link set port0 up
`,
  });
  await machine.must(['ip', '-batch', '-'], {
    input: `addr add 172.17.0.2/16 dev eth0
link set eth0 up
route add default via 172.17.0.1
`,
  });
  await pod.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  // Native nft, so that neither variant of iptables is used before proxy-init uses it.
  await pod.must(['nft', '-f', '-'], {
    input: `table ip outward { chain out { type nat hook postrouting priority 100;
      ip saddr 172.17.0.0/16 oifname "eth0" masquerade; }; }`,
  });
  return { machine, inMachine: await machine.startAgent() };
}
