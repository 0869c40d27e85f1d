/** The files that `migrate --write` writes: read by the tools that they are for. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { bicepObstacle, parseBicep } from '../../support/bicep.ts';
import { findProgram } from '../../support/find-program.ts';
import { findTypeFaults } from '../../support/kubernetes-types.ts';
import {
  binding,
  clientId,
  identity,
  planOf,
  resourceId,
  tenantId,
  toYaml,
  workload,
  writtenBy,
} from '../../support/migrate.ts';
import { itUnless } from '../../support/skip.ts';
import { parseTerraform, terraformObstacle } from '../../support/terraform.ts';

/** Of another subscription, with a name that means something in every language. */
const foreign = identity('foreign', {
  spec: {
    clientID: clientId(5),
    resourceID:
      '/subscriptions/00000000-0000-0000-0000-000000000002/resourcegroups/rg-(two)/providers/Microsoft.ManagedIdentity/userAssignedIdentities/foreign_1',
  },
});
const principal = (name: string, number: number, tenant: string): object =>
  identity(name, {
    spec: {
      type: 1,
      clientID: clientId(number),
      tenantID: tenant,
      clientPassword: { name: `${name}-secret`, namespace: 'shop' },
    },
  });
const input = toYaml(
  identity('reader'),
  foreign,
  principal('one', 71, tenantId),
  principal('two', 72, '88888888-8888-8888-8888-888888888888'),
  ...['reader', 'foreign', 'one', 'two'].map((name) => binding(name, name, name)),
  ...['reader', 'foreign', 'one', 'two'].map((name) => workload(name, name)),
  workload('agent', 'reader', { kind: 'DaemonSet' }),
  workload('report', 'reader', { kind: 'Job', spec: { restartPolicy: 'Never' } }),
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
);
const issuers = ['--issuer=https://issuer.example/second/'];

/** Every set of files that flags lead to. */
const variants: readonly (readonly [string, readonly string[]])[] = [
  ['the containers', []],
  ['the containers, without the label', ['--drop-label']],
  ['annotations for the webhook', ['--webhook=present']],
  ['own tokens', ['--webhook=absent']],
  ['no redirect', ['--no-redirect', '--header-secret=shop-header']],
  ['classic sidecars and two clusters', ['--classic', ...issuers]],
  ['identity bindings', ['--identity-binding']],
];

describe.each(variants)('with %s', (_, flags) => {
  const shellcheck = findProgram('shellcheck');
  const obstacle = shellcheck === undefined ? 'shellcheck is missing' : undefined;
  itUnless(obstacle, 'the scripts pass shellcheck', async () => {
    for (const [path, text] of await writtenBy(input, flags)) {
      if (!path.endsWith('.sh')) continue;
      const args = ['--shell=bash', '--severity=style', '-'];
      expect(execFileSync(shellcheck ?? '', args, { input: text, encoding: 'utf8' })).toBe('');
    }
  });

  itUnless(terraformObstacle, 'Terraform has every credential', async () => {
    const files = await writtenBy(input, flags);
    const plan = await planOf(input, flags.includes('--drop-label') ? [] : flags);
    const {
      resource = {},
      provider = {},
      data,
    } = parseTerraform(files.get('federated-credentials.tf') ?? '');
    const items = Object.values(resource)
      .flatMap((byName) => Object.values(byName))
      .flatMap(({ for_each: each }) => Object.values(each));
    const found = items.map(({ name, issuer: from, subject, audience, identity: id, client }) => ({
      name,
      issuer: from,
      subject,
      audience,
      owner: id ?? client,
    }));
    const wanted = plan.federatedCredentials.map((one) => ({
      name: one.name,
      issuer: one.issuer,
      subject: one.subject,
      audience: one.audience,
      owner:
        one.resourceGroup === null
          ? one.clientId
          : `/subscriptions/${one.subscription}/resourceGroups/${one.resourceGroup}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${one.identity}`,
    }));
    expect(sort(found)).toEqual(sort(wanted));
    const tenants = Object.values(provider).flatMap((one) => one['tenant_id'] ?? []);
    expect(tenants.toSorted()).toEqual(['88888888-8888-8888-8888-888888888888', tenantId]);
    const applications = Object.values(data?.['azuread_application'] ?? {});
    expect(applications.flatMap((one) => one.for_each).toSorted()).toEqual([
      clientId(71),
      clientId(72),
    ]);
  });

  it('the YAML has objects that the Kubernetes API knows, without anything of a cluster', async () => {
    const files = [...(await writtenBy(input, flags))].filter(([path]) => path.endsWith('.yaml'));
    const objects = files.flatMap(([, text]) =>
      parseAllDocuments(text).map((document) => document.toJS()),
    );
    expect(objects.length).toBeGreaterThan(9);
    for (const object of objects) {
      expect(findTypeFaults(object), JSON.stringify(object)).toEqual([]);
      expect(object).not.toHaveProperty('status');
      expect(object.metadata).not.toHaveProperty('uid');
      if (object.kind !== 'ClusterRole' && object.kind !== 'ClusterRoleBinding') {
        expect(object.metadata.namespace).toBe('shop');
      }
    }
  });

  it('the README names every file, and every file is for something', async () => {
    const files = await writtenBy(input, flags);
    const readme = files.get('README.md') ?? '';
    for (const path of files.keys()) {
      if (path === 'README.md') continue;
      expect(readme).toContain(path.startsWith('workloads/') ? '(workloads/)' : path);
    }
    for (const [, path = ''] of readme.matchAll(/\]\(([^)#:]+)\)/g)) {
      expect(
        [...files.keys()].some((file) => file.startsWith(path)),
        path,
      ).toBe(true);
    }
  });

  it('the files are the same in every run', async () => {
    expect(await writtenBy(input, flags)).toEqual(await writtenBy(input, flags));
  });
});

function sort<T extends object>(all: readonly T[]): readonly T[] {
  const keyOf = (one: T): string => JSON.stringify(Object.entries(one).toSorted());
  return all.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

itUnless(
  bicepObstacle,
  'Bicep has every credential of a managed identity, one at a time',
  async () => {
    const files = await writtenBy(input, issuers);
    const { faults, meaning } = parseBicep(files.get('federated-credentials.bicep') ?? '');
    expect(faults).toEqual([]);
    expect(meaning?.globals?.scope.value).toBe('subscription');
    const modules = Object.values(meaning?.modules ?? {});
    const found = modules.flatMap(({ config, detail }) => {
      expect([...files.keys()]).toContain(detail.path);
      const { identityName, credentials } = Object(config['params']);
      const scope = Object(config['scope']).function.parameters;
      return credentials.map((one: object) => ({
        ...one,
        identity: identityName,
        subscription: scope.subscription_id,
        resourceGroup: scope.resource_group_name,
      }));
    });
    const { federatedCredentials } = await planOf(input, issuers);
    const wanted = federatedCredentials
      .filter(({ type }) => type === 'UserAssignedManagedIdentity')
      .map(({ clientId: _, type: __, ...one }) => one);
    expect(wanted.length).toBe(8);
    expect(sort(found)).toEqual(sort(wanted));

    const module = parseBicep(files.get('identity-credentials.bicep') ?? '');
    expect(module.faults).toEqual([]);
    expect(Object.keys(module.meaning?.parameters ?? {})).toEqual(['identityName', 'credentials']);
    const [, credentials] = Object.values(module.meaning?.resources ?? {});
    expect(credentials?.decorators).toEqual([{ type: 'batchSize', argument: 1 }]);
  },
);

it('identity bindings let exactly the planned ServiceAccounts use an identity', async () => {
  const files = await writtenBy(input, ['--identity-binding']);
  expect(files.has('federated-credentials.bicep')).toBe(false);
  const objects = parseAllDocuments(files.get('identity-bindings.yaml') ?? '').map((one) =>
    one.toJS(),
  );
  const role = objects.find(
    (one) => one.kind === 'ClusterRole' && one.metadata.name.endsWith(clientId(5)),
  );
  expect(role.rules).toEqual([
    {
      apiGroups: ['cid.wi.aks.azure.com'],
      resources: [clientId(5)],
      verbs: ['use-managed-identity'],
    },
  ]);
  const bound = objects.find(
    ({ kind, roleRef }) => kind === 'ClusterRoleBinding' && roleRef.name === role.metadata.name,
  );
  expect(bound.subjects).toEqual([{ kind: 'ServiceAccount', namespace: 'shop', name: 'foreign' }]);
  expect(files.get('identity-bindings.sh')).toContain(`/userAssignedIdentities/foreign_1`);
  expect(files.get('identity-bindings.sh')).toContain(resourceId('reader'));
});
