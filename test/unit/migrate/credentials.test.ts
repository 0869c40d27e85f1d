import { describe, expect, it } from 'vitest';
import {
  binding,
  clientId,
  identity,
  issuer,
  planOf,
  resourceId,
  toYaml,
  withoutIssuer,
  workload,
} from '../../support/migrate.ts';

const bound = [identity('reader'), binding('b', 'reader', 'web')];
const on = (serviceAccountName: string): { readonly spec: object } => ({
  spec: { serviceAccountName },
});
const workloads = (count: number): readonly object[] =>
  Array.from({ length: count }, (_, index) => workload(`web-${index}`, 'web'));

describe('federated credentials', () => {
  it('one for each ServiceAccount, identity and issuer, and none twice', async () => {
    const objects = [
      ...bound,
      identity('writer'),
      binding('w', 'writer', 'web'),
      workload('a', 'web', on('team')),
      workload('b', 'web', on('team')),
    ];
    const other = 'https://issuer.example/second';
    const { federatedCredentials } = await planOf(toYaml(...objects), [
      `--issuer=${other}`,
      `--issuer=${issuer}`,
    ]);
    expect(
      federatedCredentials.map((one) => `${one.identity} ${one.subject} ${one.issuer}`).sort(),
    ).toEqual([
      `reader system:serviceaccount:shop:team ${issuer}`,
      `reader system:serviceaccount:shop:team ${other}`,
      `writer system:serviceaccount:shop:team ${issuer}`,
      `writer system:serviceaccount:shop:team ${other}`,
    ]);
    expect(new Set(federatedCredentials.map(({ name }) => name)).size).toBe(2);
    // Names are unique for an identity, and Azure wants no more.
    const byIdentity = Map.groupBy(federatedCredentials, (one) => one.identity);
    for (const all of byIdentity.values()) expect(new Set(all.map((one) => one.name)).size).toBe(2);
  });

  it('come identity by identity, because writes to one must not overlap', async () => {
    const objects = [
      ...bound,
      identity('writer'),
      binding('w', 'writer', 'w'),
      workload('a', 'web'),
      workload('b', 'w'),
      workload('c', 'web'),
    ];
    const { federatedCredentials } = await planOf(toYaml(...objects));
    const order = federatedCredentials.map(({ identity: name }) => name);
    expect(order).toHaveLength(3);
    expect(order.filter((name, index) => name !== order[index - 1])).toHaveLength(2);
  });

  it('are shared by two names of one client ID', async () => {
    const objects = [
      identity('a', { spec: { clientID: clientId(1), resourceID: resourceId('one') } }),
      identity('b', { spec: { clientID: clientId(1), resourceID: resourceId('one') } }),
      binding('a', 'a', 'web'),
      binding('b', 'b', 'web'),
      workload('web', 'web'),
    ];
    const plan = await planOf(toYaml(...objects));
    expect(plan.federatedCredentials).toHaveLength(1);
    expect(plan.identities.map(({ credentials }) => credentials)).toEqual([1, 1]);
  });

  it('have names that Azure takes, and that differ where the subjects do', async () => {
    const long = 'x'.repeat(63);
    const objects = [
      ...[long, 'a-b', 'a'].flatMap((namespace) => [
        identity('reader', { namespace }),
        binding('b', 'reader', 'web', { namespace }),
      ]),
      workload('c', 'web', { namespace: 'a-b' }),
      workload('b-c', 'web', { namespace: 'a' }),
      workload(`${'y'.repeat(200)}.z`, 'web', { namespace: long }),
    ];
    const { federatedCredentials } = await planOf(toYaml(...objects));
    const names = federatedCredentials.map(({ name }) => name);
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9][\w-]{2,119}$/);
  });

  it('have no issuer while none is known', async () => {
    const plan = await planOf(toYaml(...bound, workload('web', 'web')), withoutIssuer);
    expect(plan.federatedCredentials).toMatchObject([{ issuer: null }]);
  });

  it('of a service principal name its application and its tenant', async () => {
    const spec = { type: 1, tenantID: clientId(9), resourceID: undefined };
    const objects = [identity('sp', { spec }), binding('b', 'sp', 'web'), workload('web', 'web')];
    const plan = await planOf(toYaml(...objects));
    expect(plan.federatedCredentials).toMatchObject([
      { identity: 'sp', type: 'ServicePrincipalSecret', resourceGroup: null, subscription: null },
    ]);
    expect(plan.serviceAccounts[0]?.annotations).toMatchObject({
      'azure.workload.identity/tenant-id': clientId(9),
    });
    expect(plan.workload.identityMap).toBeNull();
  });
});

describe('more credentials than Entra keeps', () => {
  it('20 are not too many, 21 are', async () => {
    const enough = await planOf(toYaml(...bound, ...workloads(20)));
    expect(enough.identities).toMatchObject([{ credentials: 20, limit: 20 }]);
    expect(enough.summary.workloads).toMatchObject({ ready: 20, attention: 0 });
    const many = await planOf(toYaml(...bound, ...workloads(21)));
    expect(many.identities).toMatchObject([{ credentials: 21 }]);
    expect(many.summary.workloads).toMatchObject({ ready: 0, attention: 21 });
    const [finding] = many.workload.findings;
    expect(finding?.message).toMatch(/^reader needs 21 federated credentials/);
    expect(finding?.fix).toMatch(/--identity-binding.*second one/);
  });

  it('those of all issuers count together', async () => {
    const second = ['--issuer=https://issuer.example/second'];
    const plan = await planOf(toYaml(...bound, ...workloads(11)), second);
    expect(plan.identities).toMatchObject([{ credentials: 22 }]);
    expect(plan.summary.workloads.attention).toBe(11);
    expect(plan.workload.findings[0]?.message).toMatch(
      /^reader needs 22 federated credentials \(11 ServiceAccounts in 2 clusters\), /,
    );
  });

  it('an identity binding needs none of them', async () => {
    const plan = await planOf(toYaml(...bound, ...workloads(21)), ['--identity-binding']);
    expect(plan.federatedCredentials).toEqual([]);
    expect(plan.identityBindings).toMatchObject([
      { resourceId: resourceId('reader'), serviceAccounts: { length: 21 } },
    ]);
    expect(plan.identityBindings[0]?.name).toMatch(/^[a-z0-9-]{1,63}$/);
    expect(plan.summary.workloads).toMatchObject({ ready: 21, attention: 0 });
  });

  it('an application has no identity binding', async () => {
    const spec = { type: 2, tenantID: clientId(9) };
    const objects = [identity('sp', { spec }), binding('b', 'sp', 'web'), ...workloads(21)];
    const plan = await planOf(toYaml(...objects), ['--identity-binding']);
    expect(plan.identityBindings).toEqual([]);
    expect(plan.federatedCredentials).toHaveLength(21);
    const fixes = plan.workload.findings.map(({ fix }) => fix).join();
    expect(fixes).not.toContain('--identity-binding');
  });
});
