import { describe, expect, it } from 'vitest';
import {
  binding,
  identity,
  type PrintedPlan,
  planOf,
  serviceAccount,
  tenantId,
  toYaml,
  withoutTenant,
  workload,
} from '../../support/migrate.ts';

const bound = [
  identity('reader'),
  binding('r', 'reader', 'reader'),
  identity('writer'),
  binding('w', 'writer', 'writer'),
];
const on = (serviceAccountName: string, more: object = {}): { readonly spec: object } => ({
  spec: { serviceAccountName, ...more },
});

function accountsOf({ workloads }: PrintedPlan): readonly string[] {
  return workloads.map(({ name, serviceAccount: { name: account, action, instead } }) =>
    [name, account, action, ...(instead === null ? [] : [`instead of ${instead}`])].join(' '),
  );
}

async function accounts(...objects: readonly object[]): Promise<readonly string[]> {
  return accountsOf(await planOf(toYaml(...bound, ...objects)));
}

const clientIdOf = async (name: string): Promise<string> => {
  const { identities } = await planOf(toYaml(...bound));
  return identities.find((one) => one.name === name)?.clientId ?? '';
};

describe('a workload keeps its ServiceAccount', () => {
  it('which is annotated', async () => {
    const plan = await planOf(
      toYaml(...bound, serviceAccount('web'), workload('web', 'reader', on('web'))),
    );
    expect(accountsOf(plan)).toEqual(['web web annotate']);
    expect(plan.serviceAccounts).toEqual([
      {
        namespace: 'shop',
        name: 'web',
        action: 'annotate',
        annotations: {
          'azure.workload.identity/client-id': await clientIdOf('reader'),
          'azure.workload.identity/tenant-id': tenantId,
        },
        copyOf: null,
        imagePullSecrets: [],
        automountServiceAccountToken: null,
      },
    ]);
  });

  it('also by the old name of the field', async () => {
    const old = workload('web', 'reader', { spec: { serviceAccount: 'web' } });
    expect(await accounts(old)).toEqual(['web web annotate']);
  });

  it('together with workloads of the same identity', async () => {
    expect(
      await accounts(workload('a', 'reader', on('team')), workload('b', 'reader', on('team'))),
    ).toEqual(['a team annotate', 'b team annotate']);
  });

  it('which has the annotations already: nothing changes', async () => {
    const done = serviceAccount('web', (await clientIdOf('reader')).toUpperCase());
    const plan = await planOf(
      toYaml(...bound, done, workload('web', 'reader', on('web'))),
      withoutTenant,
    );
    expect(accountsOf(plan)).toEqual(['web web none']);
    expect(plan.serviceAccounts).toEqual([]);
  });
});

describe('a workload gets its own ServiceAccount', () => {
  it('if it is on default', async () => {
    expect(await accounts(workload('web', 'reader'))).toEqual([
      'web web create instead of default',
    ]);
    expect(await accounts(workload('web', 'reader', on('default')))).toEqual([
      'web web create instead of default',
    ]);
  });

  it('if it shares one with a workload of another identity', async () => {
    expect(
      await accounts(
        workload('a', 'reader', on('team')),
        workload('b', 'writer', on('team')),
        workload('c', 'reader', on('own')),
      ),
    ).toEqual(['a a create instead of team', 'b b create instead of team', 'c own annotate']);
  });

  it('if it has another set of identities than the others', async () => {
    expect(
      await accounts(
        binding('both', 'reader', 'both'),
        binding('both-2', 'writer', 'both'),
        workload('a', 'reader', on('team')),
        workload('b', 'both', on('team')),
      ),
    ).toEqual(['a a create instead of team', 'b b create instead of team']);
  });

  it('but not the workload whose identity the ServiceAccount has', async () => {
    expect(
      await accounts(
        serviceAccount('team', await clientIdOf('reader')),
        workload('a', 'reader', on('team')),
        workload('b', 'writer', on('team')),
      ),
    ).toEqual(['a team annotate', 'b b create instead of team']);
  });

  it('by a name that is not taken', async () => {
    expect(await accounts(serviceAccount('web'), workload('web', 'reader'))).toEqual([
      'web web-deployment create instead of default',
    ]);
    expect(
      await accounts(workload('web', 'reader'), workload('web', 'writer', { kind: 'StatefulSet' })),
    ).toEqual([
      'web web create instead of default',
      'web web-statefulset create instead of default',
    ]);
    expect(
      await accounts(
        serviceAccount('web'),
        serviceAccount('web-deployment'),
        serviceAccount('web-identity'),
        workload('web', 'reader'),
      ),
    ).toEqual(['web web-identity-2 create instead of default']);
  });

  it('not one that a workload outside the plan runs with', async () => {
    expect(
      await accounts(workload('web', 'reader'), workload('other', undefined, on('web'))),
    ).toEqual(['web web-deployment create instead of default']);
  });

  it('with the settings of the old one, and its roles named', async () => {
    const account = {
      ...serviceAccount('team'),
      imagePullSecrets: [{ name: 'registry' }],
      automountServiceAccountToken: false,
    };
    const roleBinding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'team-reads', namespace: 'shop' },
      subjects: [{ kind: 'ServiceAccount', name: 'team', namespace: 'shop' }],
    };
    const plan = await planOf(
      toYaml(
        ...bound,
        account,
        roleBinding,
        workload('a', 'reader', on('team')),
        workload('b', 'writer', on('team')),
      ),
    );
    expect(plan.serviceAccounts[0]).toMatchObject({
      name: 'a',
      copyOf: 'team',
      imagePullSecrets: ['registry'],
      automountServiceAccountToken: false,
    });
    const [created] = plan.workload.findings.filter(
      ({ code }) => code === 'service-account-created',
    );
    expect(created?.fix).toBe('add a to the subjects of RoleBinding team-reads');
  });

  it('which an earlier plan has made already, and then again none', async () => {
    const first = await planOf(toYaml(...bound, workload('web', 'reader')));
    const made = {
      ...serviceAccount('web'),
      metadata: {
        name: 'web',
        namespace: 'shop',
        annotations: first.serviceAccounts[0]?.annotations,
      },
    };
    const halfway = await planOf(toYaml(...bound, made, workload('web', 'reader')));
    expect(accountsOf(halfway)).toEqual(['web web none instead of default']);
    const done = await planOf(toYaml(...bound, made, workload('web', 'reader', on('web'))));
    expect(accountsOf(done)).toEqual(['web web none']);
    for (const plan of [halfway, done]) {
      expect(plan.federatedCredentials).toEqual(first.federatedCredentials);
    }
  });
});

describe('a workload that stays as it is keeps its ServiceAccount', () => {
  it.each([
    ['blocked', workload('web', 'reader', { spec: { hostNetwork: true } })],
    ['without identity', workload('web', 'unknown')],
  ])('%s', async (_, object) => {
    const plan = await planOf(toYaml(...bound, object));
    expect(accountsOf(plan)).toEqual(['web default none']);
    expect(plan.federatedCredentials).toEqual([]);
  });
});
