import { describe, expect, it } from 'vitest';
import {
  binding,
  identity,
  issuer,
  planOf,
  resourceId,
  runMigrateOn,
  tenantId,
  toYaml,
  workload,
} from '../../support/migrate.ts';

const shop = toYaml(identity('reader'), binding('web', 'reader', 'web'), workload('web', 'web'));

describe('the plan of a workload with one identity', () => {
  it('names the identity, the ServiceAccount and the credential', async () => {
    const plan = await planOf(shop);
    const { clientId } = plan.workload.identities[0] ?? {};
    expect(plan.exitCode).toBe(0);
    expect(plan.workload).toMatchObject({
      namespace: 'shop',
      kind: 'Deployment',
      name: 'web',
      binding: 'web',
      identities: [
        {
          name: 'reader',
          resourceId: resourceId('reader'),
          type: 'UserAssignedManagedIdentity',
          tenantId,
          default: true,
        },
      ],
      serviceAccount: { name: 'web', action: 'create', instead: 'default' },
      injection: { kind: 'containers' },
      status: 'ready',
      file: 'stdin',
      line: 29,
    });
    expect(plan.federatedCredentials).toEqual([
      {
        clientId,
        identity: 'reader',
        type: 'UserAssignedManagedIdentity',
        resourceGroup: 'identities',
        subscription: '00000000-0000-0000-0000-000000000001',
        name: expect.stringMatching(/^shop-web-[0-9a-f]{8}$/),
        issuer,
        subject: 'system:serviceaccount:shop:web',
        audience: 'api://AzureADTokenExchange',
      },
    ]);
  });

  it.each(['virtual-kubelet.io/provider', 'azure.com/aci'])(
    'asks for attention where it tolerates %s',
    async (key) => {
      const spec = { tolerations: [{ key, operator: 'Exists' }] };
      const { workload: found } = await planOf(
        toYaml(
          identity('reader'),
          binding('web', 'reader', 'web'),
          workload('web', 'web', { spec }),
        ),
      );
      expect(found.status).toBe('attention');
      expect(found.findings.map(({ fix }) => fix)).toContain(`take the toleration ${key} away`);
    },
  );

  it('counts the workload as depending until it is migrated', async () => {
    const { exitCode } = await runMigrateOn(['--check'], { stdin: shop });
    expect(exitCode).toBe(1);
  });
});
