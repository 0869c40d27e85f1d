import type { Receiver, Trace } from '../network/trace.ts';
import { findVersion } from '../sidecar/proxy-checks.ts';
import type { PodProxy } from './pod-proxy.ts';

/** Where a connection to the metadata address came out. */
export type Destination =
  /** At the proxy of this pod: its socket has the other end. */
  | { readonly kind: 'proxy' }
  /** At another listener of this pod. */
  | { readonly kind: 'other'; readonly receiver: Receiver; readonly passesOn: boolean }
  /** At a proxy that is not in this network namespace (`PROXY_HOST`). */
  | { readonly kind: 'distant-proxy' }
  /** Outside of the pod, at something that is not a proxy of ours. */
  | { readonly kind: 'node' }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'silent' };

export function toDestination(trace: Trace, proxy: PodProxy): Destination {
  if (trace.kind !== 'connected') return trace;
  const { receiver, answer } = trace;
  const isOurs = answer !== undefined && findVersion(answer) !== undefined;
  if (receiver === undefined) return { kind: isOurs ? 'distant-proxy' : 'node' };
  if (proxy.kind !== 'stranger' && receiver.port === proxy.port) return { kind: 'proxy' };
  return { kind: 'other', receiver, passesOn: isOurs };
}

/** What listens for the connections of a service mesh. */
export interface Mesh {
  readonly name: string;
  readonly port: number;
}

/** Istio, Kuma, Consul and Open Service Mesh share a port; the user tells them apart. */
const meshes: readonly (Mesh & { readonly uid: number })[] = [
  { name: 'Istio', port: 15_001, uid: 1337 },
  { name: 'Kuma', port: 15_001, uid: 5678 },
  { name: 'Consul', port: 15_001, uid: 5995 },
  { name: 'Open Service Mesh', port: 15_001, uid: 1500 },
  { name: 'Linkerd', port: 4140, uid: 2102 },
];

/** The mesh that a listener belongs to; undefined if it looks like none. */
export function findMesh({ port, uid }: Receiver): Mesh | undefined {
  const atPort = meshes.filter((mesh) => mesh.port === port);
  if (atPort.length === 0) return undefined;
  const { name } = atPort.find((mesh) => mesh.uid === uid) ?? { name: 'a service mesh' };
  return { name, port };
}
