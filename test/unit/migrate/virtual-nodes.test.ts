/** Which pods of AAD Pod Identity may come to a virtual node of AKS. */
import { describe, expect, it } from 'vitest';
import { binding, identity, planOf, toYaml, workload } from '../../support/migrate.ts';

const bound = [identity('reader'), binding('web', 'reader', 'web')];
const anything = { operator: 'Exists' };
const ofAks = { key: 'virtual-kubelet.io/provider', operator: 'Exists' };
const ofAci = { key: 'azure.com/aci', effect: 'NoSchedule' };
const affinity = (...expressions: readonly object[]): object => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: expressions.map((one) => ({ matchExpressions: [one] })),
    },
  },
});
const notVirtual = { key: 'type', operator: 'NotIn', values: ['virtual-kubelet'] };

async function fixOf(spec: object, kind = 'Deployment'): Promise<string | undefined> {
  const { all } = await planOf(toYaml(...bound, workload('web', 'web', { kind, spec })));
  return all.find(({ code }) => code === 'may-run-on-virtual-node')?.fix;
}

describe('pods that tolerate virtual nodes', () => {
  it.each<[name: string, spec: object, fix: string]>([
    ['by the taint of AKS', { tolerations: [ofAks] }, 'take the toleration virtual-kubelet.io/'],
    ['by that of ACI', { tolerations: [ofAci] }, 'take the toleration azure.com/aci away'],
    ['by every taint', { tolerations: [anything] }, 'name the taints'],
    ['by every taint with an empty key', { tolerations: [{ ...anything, key: '' }] }, 'name the'],
    [
      'by every taint of the effect',
      { tolerations: [{ ...anything, effect: 'NoSchedule' }] },
      'name the taints',
    ],
    [
      'and whose affinity does not exclude them',
      { tolerations: [anything], affinity: affinity(notVirtual, { key: 'a', operator: 'Exists' }) },
      'name the taints',
    ],
  ])('%s, are named with the fix', async (_, spec, fix) => {
    expect(await fixOf(spec)).toContain(fix);
  });
});

describe('pods that cannot come there', () => {
  it.each<[name: string, spec: object, kind?: string]>([
    [
      'because the toleration has another effect',
      { tolerations: [{ ...anything, effect: 'NoExecute' }] },
    ],
    ['because the toleration names another taint', { tolerations: [{ ...anything, key: 'gpu' }] }],
    [
      'because of their node selector',
      { tolerations: [anything], nodeSelector: { agentpool: 'a' } },
    ],
    ['because of their affinity', { tolerations: [anything], affinity: affinity(notVirtual) }],
    ['because they belong to a DaemonSet', { tolerations: [anything, ofAks] }, 'DaemonSet'],
  ])('%s, are not named', async (_, spec, kind) => {
    expect(await fixOf(spec, kind)).toBeUndefined();
  });
});
