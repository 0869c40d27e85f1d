import { isIPv6 } from 'node:net';

/** A pod, as far as Prometheus' discovery looks at it. */
export interface DiscoveredPod {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: {
    readonly initContainers?: readonly DiscoveredContainer[];
    readonly containers: readonly DiscoveredContainer[];
  };
  readonly status: { readonly phase: string; readonly podIP: string };
}

export interface DiscoveredContainer {
  readonly name: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
}

interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The targets that the role `pod` of Prometheus' Kubernetes discovery makes of a pod, as its documentation
 * says: one for each port that a container declares, or one without a port; init containers included. Debian
 * builds Prometheus without this discovery, so that it gets them from a file.
 */
export function discoverTargets({ metadata, spec, status }: DiscoveredPod): readonly TargetGroup[] {
  const { podIP } = status;
  const host = isIPv6(podIP) ? `[${podIP}]` : podIP;
  const ofPod = {
    __meta_kubernetes_namespace: metadata.namespace,
    __meta_kubernetes_pod_name: metadata.name,
    __meta_kubernetes_pod_ip: podIP,
    __meta_kubernetes_pod_phase: status.phase,
  };
  const ofContainer =
    (isInit: boolean) =>
    ({ name, ports = [] }: DiscoveredContainer): readonly TargetGroup[] => {
      const labels = {
        ...ofPod,
        __meta_kubernetes_pod_container_name: name,
        __meta_kubernetes_pod_container_init: `${isInit}`,
      };
      if (ports.length === 0) return [{ targets: [host], labels }];
      return ports.map((port) => ({
        targets: [`${host}:${port.containerPort}`],
        labels: {
          ...labels,
          __meta_kubernetes_pod_container_port_name: port.name ?? '',
          __meta_kubernetes_pod_container_port_number: `${port.containerPort}`,
        },
      }));
    };
  return [
    ...spec.containers.flatMap(ofContainer(false)),
    ...(spec.initContainers ?? []).flatMap(ofContainer(true)),
  ];
}
