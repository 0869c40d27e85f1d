import type { PodSecurity } from '../object-index.ts';
import type { ServiceAccount } from './credentials.ts';

/** The object that makes the pod. */
export interface Workload {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  /** Where the template is, if the object has several. */
  readonly template: string | undefined;
}

/** Facts about a pod beyond its template. */
export interface PodContext {
  /** Of the pod, if it is part of the input. */
  readonly account: ServiceAccount | undefined;
  /** Of its namespace, if that is part of the input. */
  readonly podSecurity: PodSecurity | undefined;
  readonly workload: Workload;
  /** A hook of a Helm chart. */
  readonly isHook: boolean;
}
