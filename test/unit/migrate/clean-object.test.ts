import { describe, expect, it } from 'vitest';
import { cleanObject } from '../../../src/migrate/change/clean-object.ts';

const serverMetadata = {
  creationTimestamp: '2024-01-01T00:00:00Z',
  generation: 4,
  managedFields: [{ manager: 'kubectl' }],
  resourceVersion: '12',
  selfLink: '/x',
  uid: 'c0ffee',
};

describe('an object of a dump', () => {
  it('loses its status and all that the API server and kubectl have added', () => {
    expect(
      cleanObject({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: {
          ...serverMetadata,
          name: 'web',
          labels: { app: 'web' },
          annotations: {
            'deployment.kubernetes.io/revision': '3',
            'kubectl.kubernetes.io/last-applied-configuration': '{}',
            'meta.helm.sh/release-name': 'shop',
          },
        },
        spec: {
          template: {
            metadata: { creationTimestamp: null, labels: { app: 'web' } },
            spec: { containers: [{ name: 'app', image: 'x' }] },
          },
        },
        status: { replicas: 1 },
      }),
    ).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'web',
        labels: { app: 'web' },
        annotations: { 'meta.helm.sh/release-name': 'shop' },
      },
      spec: {
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { containers: [{ name: 'app', image: 'x' }] },
        },
      },
    });
  });

  it('loses maps of metadata that held nothing else, and keeps those that were empty', () => {
    const cleaned = cleanObject({
      kind: 'CronJob',
      metadata: {
        name: 'a',
        annotations: { 'deployment.kubernetes.io/revision': '1' },
        labels: {},
      },
      spec: { jobTemplate: { metadata: { creationTimestamp: null }, spec: { template: {} } } },
    });
    expect(cleaned).toEqual({
      kind: 'CronJob',
      metadata: { name: 'a', labels: {} },
      spec: { jobTemplate: { spec: { template: {} } } },
    });
  });

  it('loses the labels and the selector that its controller gave a Job', () => {
    const labels = {
      app: 'report',
      'batch.kubernetes.io/controller-uid': 'c0ffee',
      'batch.kubernetes.io/job-name': 'report',
      'controller-uid': 'c0ffee',
      'job-name': 'report',
    };
    const job = {
      kind: 'Job',
      metadata: { name: 'report', labels, annotations: { 'batch.kubernetes.io/job-tracking': '' } },
      spec: {
        manualSelector: false,
        selector: { matchLabels: { 'controller-uid': 'c0ffee' } },
        template: { metadata: { labels } },
      },
    };
    expect(cleanObject(job)).toEqual({
      kind: 'Job',
      metadata: { name: 'report', labels: { app: 'report' } },
      spec: { template: { metadata: { labels: { app: 'report' } } } },
    });
  });

  it('keeps the selector of a Job that somebody has chosen', () => {
    const spec = { manualSelector: true, selector: { matchLabels: { a: 'b' } } };
    expect(cleanObject({ kind: 'Job', spec })).toEqual({ kind: 'Job', spec });
  });

  it('loses the mounted token of the old ServiceAccount, which a copy of a pod would keep', () => {
    const mount = {
      name: 'kube-api-access-x7x2p',
      mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
      readOnly: true,
    };
    const data = { name: 'data', mountPath: '/data' };
    const pod = {
      kind: 'Pod',
      metadata: { name: 'web', ...serverMetadata },
      spec: {
        nodeName: 'node-1',
        priority: 0,
        serviceAccountName: 'default',
        initContainers: [{ name: 'first', image: 'x', volumeMounts: [mount] }],
        containers: [{ name: 'app', image: 'x', volumeMounts: [data, mount] }],
        ephemeralContainers: [{ name: 'debug', image: 'x' }],
        tolerations: [
          { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute', tolerationSeconds: 300 },
          { key: 'gpu', operator: 'Exists' },
        ],
        volumes: [
          { name: 'data', emptyDir: {} },
          { name: 'kube-api-access-x7x2p', projected: {} },
        ],
      },
    };
    expect(cleanObject(pod)).toEqual({
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: {
        serviceAccountName: 'default',
        initContainers: [{ name: 'first', image: 'x' }],
        containers: [{ name: 'app', image: 'x', volumeMounts: [data] }],
        tolerations: [{ key: 'gpu', operator: 'Exists' }],
        volumes: [{ name: 'data', emptyDir: {} }],
      },
    });
  });

  it('keeps a token that somebody mounts there on purpose', () => {
    const own = { name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
    const spec = {
      containers: [{ name: 'app', image: 'x', volumeMounts: [own] }],
      volumes: [{ name: 'token', projected: {} }],
    };
    expect(cleanObject({ kind: 'Pod', spec })).toEqual({ kind: 'Pod', spec });
  });

  it('loses the Secrets that a controller made for a ServiceAccount, and no others', () => {
    const secrets = [
      { name: 'web-token-8xk2p' },
      { name: 'web-dockercfg-8xk2p' },
      { name: 'mine' },
    ];
    const account = { kind: 'ServiceAccount', metadata: { name: 'web' }, secrets };
    expect(cleanObject(account)).toEqual({ ...account, secrets: [{ name: 'mine' }] });
    const [token = {}] = secrets;
    expect(cleanObject({ ...account, secrets: [token] })).toEqual({
      kind: 'ServiceAccount',
      metadata: { name: 'web' },
    });
  });

  it('loses the status of the claims of a StatefulSet', () => {
    const claim = { metadata: { name: 'data' }, spec: { resources: {} } };
    const dumped = {
      kind: 'PersistentVolumeClaim',
      ...claim,
      metadata: { creationTimestamp: null, name: 'data' },
      status: { phase: 'Pending' },
    };
    expect(cleanObject({ kind: 'StatefulSet', spec: { volumeClaimTemplates: [dumped] } })).toEqual({
      kind: 'StatefulSet',
      spec: { volumeClaimTemplates: [{ kind: 'PersistentVolumeClaim', ...claim }] },
    });
  });

  it('stays as it is if somebody wrote it', () => {
    const written = {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'agent', labels: { job: 'x' }, annotations: { a: 'b' } },
      spec: { template: { metadata: { labels: {} }, spec: { containers: [], nodeName: 'x' } } },
    };
    expect(cleanObject(written)).toEqual(written);
  });
});
