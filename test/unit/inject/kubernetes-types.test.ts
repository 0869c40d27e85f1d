import { describe, expect, it } from 'vitest';
import { findTypeFaults } from '../../support/kubernetes-types.ts';

const pod = (container: object): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  spec: { containers: [{ name: 'x', ...container }] },
});

describe('findTypeFaults', () => {
  it('finds nothing in fields that the API knows, native sidecars included', () => {
    const good = pod({
      restartPolicy: 'Always',
      livenessProbe: { httpGet: { port: 'http' } },
      resources: { limits: { cpu: '1' } },
    });
    expect(findTypeFaults({ apiVersion: 'v1', kind: 'List', items: [good] })).toEqual([]);
  });

  it.each<[object, string]>([
    [pod({ imagePullPolice: 'Never' }), 'Pod.spec.containers[0].imagePullPolice: unknown field'],
    [
      pod({ ports: [{ containerPort: '80' }] }),
      'Pod.spec.containers[0].ports[0].containerPort: string instead of number',
    ],
    [pod({ env: { A: 'b' } }), 'Pod.spec.containers[0].env: not a list'],
    [
      pod({ resources: { limits: { cpu: 1 } } }),
      'Pod.spec.containers[0].resources.limits.cpu: number instead of string',
    ],
    [pod({ securityContext: 'none' }), 'Pod.spec.containers[0].securityContext: not an object'],
    [{ apiVersion: 'v9', kind: 'Pod' }, 'v9 Pod: unknown type'],
  ])('finds the fault in %j', (object, fault) => {
    expect(findTypeFaults(object)).toEqual([fault]);
  });
});
