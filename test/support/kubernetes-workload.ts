import type { V1Pod, V1PodSpec } from '@kubernetes/client-node';
import type { Manifest } from './kubernetes-manifest.ts';

export type WorkloadKind = 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'Job' | 'Pod';

export interface WorkloadOptions {
  readonly kind?: WorkloadKind;
  readonly namespace: string;
  /** Name of the workload, and of its ServiceAccount unless `pod` has another. */
  readonly app: string;
  readonly image: string;
  /** Annotations of the pod. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Labels of the pod beside `app`. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly pod?: Partial<V1PodSpec>;
}

/** A label and an annotation that ask a policy or a webhook for the proxy, as upstream has them. */
export const asking = {
  labels: { 'azure.workload.identity/use': 'true' },
  annotations: { 'azure.workload.identity/inject-proxy-sidecar': 'true' },
} as const;

/** A workload of one application, as somebody writes it who knows nothing of the proxy. A Job asks once and ends. */
export function toWorkload({
  kind = 'Deployment',
  namespace,
  app,
  image,
  annotations = {},
  labels = {},
  pod: spec = {},
}: WorkloadOptions): Manifest {
  const isJob = kind === 'Job';
  const work = { name: 'work', image, command: ['node', '/app.cjs', 'once'] };
  const template: V1Pod = {
    metadata: { labels: { app, ...labels }, annotations: { ...annotations } },
    spec: {
      serviceAccountName: app,
      ...(isJob ? { restartPolicy: 'Never' } : {}),
      containers: [isJob ? work : { name: 'app', image }],
      ...spec,
    },
  };
  const metadata = { name: app, namespace };
  const pod: object = {
    apiVersion: 'v1',
    kind,
    ...template,
    metadata: { ...metadata, ...template.metadata },
  };
  const workload: object = {
    apiVersion: isJob ? 'batch/v1' : 'apps/v1',
    kind,
    metadata,
    spec: {
      ...(isJob ? { backoffLimit: 0 } : { selector: { matchLabels: { app } } }),
      ...(kind === 'StatefulSet' ? { serviceName: app } : {}),
      template,
    },
  };
  return (kind === 'Pod' ? pod : workload) as Manifest;
}
