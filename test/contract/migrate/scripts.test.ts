/** The scripts that `migrate --write` writes, against an az and a kubectl that remember each call. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { AzureState } from '../../support/fake-az.ts';
import type { ClusterState } from '../../support/fake-kubectl.ts';
import {
  binding,
  clientId,
  identity,
  issuer,
  resourceId,
  toYaml,
  workload,
  writtenBy,
} from '../../support/migrate.ts';
import { createScriptLab } from '../../support/written-scripts.ts';

const tenant = '99999999-9999-9999-9999-999999999999';
const otherTenant = '88888888-8888-8888-8888-888888888888';
const subscription = '00000000-0000-0000-0000-000000000001';
const owner = `${subscription}/identities/reader`;
const application = clientId(77);

const servicePrincipal = identity('legacy', {
  spec: {
    type: 1,
    clientID: application,
    clientPassword: { name: 'legacy-secret', namespace: 'shop' },
  },
});
const input = toYaml(
  identity('reader'),
  servicePrincipal,
  binding('web', 'reader', 'web'),
  binding('old', 'legacy', 'old'),
  workload('web', 'web'),
  workload('api', 'web'),
  workload('old', 'old'),
);
const empty: AzureState = {
  tenant,
  credentials: { [owner]: [], [application]: [] },
  bindings: {},
};
const subjects = (azure: AzureState): readonly string[] =>
  Object.values(azure.credentials).flatMap((all) => all.map(({ subject }) => subject));

describe('every script', () => {
  it.each([
    ['federated-credentials.sh', [], [], 'az'],
    ['identity-bindings.sh', ['--identity-binding'], ['group', 'cluster'], 'az'],
    ['cleanup.sh', [], [], 'kubectl'],
  ])('%s says that its program is not installed', async (name, flags, argv, program) => {
    await using lab = await createScriptLab(await writtenBy(input, flags), empty);
    // No folder on PATH has anything.
    const run = promisify(execFile)('/bin/bash', [join(lab.folder, name), ...argv], {
      env: { PATH: join(lab.folder, 'nowhere') },
    });
    await expect(run).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(`^error: ${program} is not installed; see https://`),
    });
  });

  it('runs in bash 3.2, which macOS has', async () => {
    for (const flags of [[], ['--identity-binding']]) {
      for (const [name, text] of await writtenBy(input, flags)) {
        if (!name.endsWith('.sh')) continue;
        const code = text.replace(/^\s*#.*$/gm, '');
        expect(code).not.toMatch(
          /\b(?:mapfile|readarray|coproc)\b|declare -[An]|local -n|\$\{\w+(?:,,|\^\^|@[A-Z])/,
        );
      }
    }
  });
});

describe('federated-credentials.sh', () => {
  it('creates each credential once, one after the other, and keeps them when it runs again', async () => {
    await using lab = await createScriptLab(await writtenBy(input), empty);
    const first = await lab.run('federated-credentials.sh');
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toMatch(/^3 created, 0 kept, 0 failed$/m);
    const azure = await lab.readAzure();
    expect(subjects(azure)).toEqual([
      'system:serviceaccount:shop:api',
      'system:serviceaccount:shop:web',
      'system:serviceaccount:shop:old',
    ]);
    expect(azure.credentials[owner]?.[0]).toMatchObject({
      issuer,
      audience: 'api://AzureADTokenExchange',
    });

    const second = await lab.run('federated-credentials.sh');
    expect(second).toMatchObject({ exitCode: 0, stderr: '' });
    expect(second.stdout).toMatch(/^0 created, 3 kept, 0 failed$/m);
    expect(second.calls.filter((call) => call.includes('create'))).toEqual([]);
    expect(await lab.readAzure()).toEqual(azure);
  });

  it('prints with --dry-run the missing ones, and creates nothing', async () => {
    await using lab = await createScriptLab(await writtenBy(input), empty);
    const { exitCode, stdout } = await lab.run('federated-credentials.sh', ['--dry-run']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^would create: identities\/reader: shop-web-\w+ \(system:serviceaccount:shop:web\)$/m,
    );
    expect(await lab.readAzure()).toEqual(empty);
  });

  it('deletes with --delete its own credentials, and nothing else', async () => {
    const other = { name: 'other', issuer, subject: 'someone', audience: 'a' };
    const start = { ...empty, credentials: { ...empty.credentials, [owner]: [other] } };
    await using lab = await createScriptLab(await writtenBy(input), start);
    await lab.run('federated-credentials.sh');
    expect(subjects(await lab.readAzure())).toHaveLength(4);
    const { exitCode, stdout } = await lab.run('federated-credentials.sh', ['--delete']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^3 deleted, 0 failed$/m);
    expect(await lab.readAzure()).toEqual(start);
    const again = await lab.run('federated-credentials.sh', ['--delete']);
    expect([again.exitCode, again.stdout]).toEqual([0, expect.stringMatching(/^0 deleted/m)]);
  });

  it('keeps a credential of another name for the same ServiceAccount, and does not delete it', async () => {
    const subject = 'system:serviceaccount:shop:web';
    const present = { name: 'by-hand', issuer, subject, audience: 'api://AzureADTokenExchange' };
    const start = { ...empty, credentials: { ...empty.credentials, [owner]: [present] } };
    await using lab = await createScriptLab(await writtenBy(input), start);
    const { exitCode, stdout } = await lab.run('federated-credentials.sh');
    expect([exitCode, stdout]).toEqual([
      0,
      expect.stringMatching(/^2 created, 1 kept, 0 failed$/m),
    ]);
    expect(stdout).toContain(`kept: identities/reader: by-hand (${subject})`);
    await lab.run('federated-credentials.sh', ['--delete']);
    expect((await lab.readAzure()).credentials[owner]).toEqual([present]);
  });

  it('does not touch a credential of its name for somebody else, says so, and does the rest', async () => {
    await using first = await createScriptLab(await writtenBy(input), empty);
    await first.run('federated-credentials.sh');
    const [made] = (await first.readAzure()).credentials[owner] ?? [];
    const taken = { ...made, subject: 'someone else' } as never;
    const start = { ...empty, credentials: { ...empty.credentials, [owner]: [taken] } };
    await using lab = await createScriptLab(await writtenBy(input), start);
    const { exitCode, stdout, stderr } = await lab.run('federated-credentials.sh');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('exists with another issuer, subject or audience; look at it');
    expect(stdout).toMatch(/^2 created, 0 kept, 1 failed$/m);
    expect((await lab.readAzure()).credentials[owner]).toContainEqual(taken);
  });

  it('names the identity whose limit is reached, and does the rest', async () => {
    const full = Array.from({ length: 20 }, (_, index) => ({
      name: `n${index}`,
      issuer,
      subject: `s${index}`,
      audience: 'a',
    }));
    const start = { ...empty, credentials: { ...empty.credentials, [owner]: full } };
    await using lab = await createScriptLab(await writtenBy(input), start);
    const { exitCode, stdout, stderr } = await lab.run('federated-credentials.sh');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('identities/reader: it has 20 credentials, and Entra keeps no more');
    expect(stdout).toMatch(/^1 created, 0 kept, 2 failed$/m);
  });

  it('creates nothing for an identity that cannot be read, and does the rest', async () => {
    const start = { ...empty, credentials: { [application]: [] } };
    await using lab = await createScriptLab(await writtenBy(input), start);
    const { exitCode, stdout, stderr } = await lab.run('federated-credentials.sh');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('identities/reader: its credentials cannot be read');
    expect(stdout).toMatch(/^1 created, 0 kept, 1 failed$/m);
  });

  it('leaves applications of another tenant alone, and says how to sign in', async () => {
    await using lab = await createScriptLab(await writtenBy(input), {
      ...empty,
      tenant: otherTenant,
    });
    const { exitCode, stderr, stdout } = await lab.run('federated-credentials.sh');
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`run az login --tenant ${tenant}, then this script again`);
    expect(stdout).toMatch(/^2 created, 0 kept, 1 failed$/m);
  });

  it('refuses a flag that it does not know', async () => {
    await using lab = await createScriptLab(await writtenBy(input), empty);
    const { exitCode, stderr, calls } = await lab.run('federated-credentials.sh', ['--remove']);
    expect([exitCode, calls]).toEqual([2, []]);
    expect(stderr).toContain('usage:');
  });
});

describe('identity-bindings.sh', () => {
  const cluster = ['rg', 'aks'];

  it('creates the binding once for each identity and cluster, and deletes it again', async () => {
    const files = await writtenBy(input, ['--identity-binding']);
    expect([...files.keys()]).toContain('identity-bindings.yaml');
    await using lab = await createScriptLab(files, empty);
    const first = await lab.run('identity-bindings.sh', cluster);
    expect([first.exitCode, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toMatch(/^1 created, 0 kept, 0 failed$/m);
    const { bindings } = await lab.readAzure();
    expect(Object.values(bindings['rg/aks'] ?? {})).toEqual([resourceId('reader')]);
    const second = await lab.run('identity-bindings.sh', cluster);
    expect(second.stdout).toMatch(/^0 created, 1 kept, 0 failed$/m);
    const last = await lab.run('identity-bindings.sh', [...cluster, '--delete']);
    expect([last.exitCode, last.stdout]).toEqual([
      0,
      expect.stringMatching(/^1 deleted, 0 failed$/m),
    ]);
    expect((await lab.readAzure()).bindings).toEqual({ 'rg/aks': {} });
  });

  it('keeps a binding of another name for the same identity, in whatever case its ID is', async () => {
    const bindings = { 'rg/aks': { mine: resourceId('READER').toUpperCase() } };
    const files = await writtenBy(input, ['--identity-binding']);
    await using lab = await createScriptLab(files, { ...empty, bindings });
    const { stdout } = await lab.run('identity-bindings.sh', cluster);
    expect(stdout).toContain('kept: mine\n');
    await lab.run('identity-bindings.sh', [...cluster, '--delete']);
    expect((await lab.readAzure()).bindings).toEqual(bindings);
  });

  it('prints its usage without a cluster', async () => {
    await using lab = await createScriptLab(await writtenBy(input, ['--identity-binding']), empty);
    const { exitCode, calls } = await lab.run('identity-bindings.sh', ['rg']);
    expect([exitCode, calls]).toEqual([2, []]);
  });
});

describe('cleanup.sh', () => {
  const mic = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'mic', namespace: 'kube-system' },
    spec: {
      template: {
        metadata: { labels: { component: 'mic' } },
        spec: {
          containers: [
            { name: 'mic', image: 'mcr.microsoft.com/oss/azure/aad-pod-identity/mic:v1.8.17' },
          ],
        },
      },
    },
  };
  const whole = `${input}${toYaml(mic)}`;
  const resources = [
    'azureidentitybindings',
    'azureassignedidentities',
    'azureidentities',
    'azurepodidentityexceptions',
  ];
  const cluster: ClusterState = {
    objects: {
      azureidentitybindings: ['shop/web', 'shop/old'],
      azureidentities: ['shop/reader', 'shop/legacy'],
      azureassignedidentities: ['default/web-1-shop-reader'],
      deployment: ['kube-system/mic'],
    },
    definitions: resources,
    pods: [{ name: 'shop/web-1', containers: 'azwi-proxy-init azwi-proxy app' }],
    releases: {},
    micRuns: true,
  };
  const gone = {
    azureidentitybindings: [],
    azureassignedidentities: [],
    azureidentities: [],
    deployment: [],
  };

  it('changes nothing without --yes, and prints its commands', async () => {
    await using lab = await createScriptLab(await writtenBy(whole), empty, cluster);
    const { exitCode, stdout, calls } = await lab.run('cleanup.sh');
    expect(exitCode).toBe(0);
    expect(stdout).toContain(
      '+ kubectl delete --ignore-not-found --namespace=shop -- azureidentitybindings.aadpodidentity.k8s.io web\n',
    );
    expect(stdout).toContain('Nothing was changed. Run it again with --yes.');
    expect(calls.filter(([, verb]) => verb !== 'get' && verb !== 'config')).toEqual([]);
    expect(await lab.readCluster()).toEqual(cluster);
  });

  it('removes bindings first, then the objects that they used, then MIC and the definitions; and can run again', async () => {
    await using lab = await createScriptLab(await writtenBy(whole), empty, cluster);
    const { exitCode, stderr, stdout, calls } = await lab.run('cleanup.sh', ['--yes']);
    expect([exitCode, stderr]).toEqual([0, '']);
    const deleted = calls
      .filter(([, verb]) => verb === 'delete')
      .map((call) => `${call.at(-2)} ${call.at(-1)}`.replaceAll('.aadpodidentity.k8s.io', ''));
    expect(deleted).toEqual([
      'azureidentitybindings old',
      'azureidentitybindings web',
      'azureidentities legacy',
      'azureidentities reader',
      'deployment mic',
      ...resources.map((resource) => `customresourcedefinition ${resource}`),
    ]);
    expect(await lab.readCluster()).toMatchObject({ objects: gone, definitions: [] });
    expect(stdout).toContain('kubectl delete secret --namespace shop legacy-secret');
    const second = await lab.run('cleanup.sh', ['--yes']);
    expect([second.exitCode, second.stderr]).toEqual([0, '']);
  });

  it('stops while a pod has the label and no proxy', async () => {
    const pods = [...cluster.pods, { name: 'shop/api-1', containers: ' app azwi-proxy-init' }];
    await using lab = await createScriptLab(await writtenBy(whole), empty, { ...cluster, pods });
    const { exitCode, stdout, stderr } = await lab.run('cleanup.sh', ['--yes']);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('  shop/api-1\n');
    expect(stdout).not.toContain('shop/web-1');
    expect(stderr).toContain('Migrate them first');
    expect(await lab.readCluster()).toMatchObject({ objects: cluster.objects });
    const { exitCode: ignored } = await lab.run('cleanup.sh', ['--yes', '--ignore-pods']);
    expect(ignored).toBe(0);
  });

  it('keeps MIC while there are objects that the plan did not know', async () => {
    const objects = { ...cluster.objects, azureidentities: ['shop/reader', 'team/new'] };
    await using lab = await createScriptLab(await writtenBy(whole), empty, { ...cluster, objects });
    const { exitCode, stdout, stderr } = await lab.run('cleanup.sh', ['--yes']);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('These azureidentities are not in the plan:\nteam   new\n');
    expect(stderr).toContain('MIC and NMI stay');
    const { objects: left, definitions } = await lab.readCluster();
    expect([left['deployment'], definitions]).toEqual([['kube-system/mic'], resources]);
  });

  it('takes the finalizer off an assigned identity that MIC does not release', async () => {
    const stuck = { ...cluster, micRuns: false };
    await using lab = await createScriptLab(await writtenBy(whole), empty, stuck);
    const { exitCode, calls } = await lab.run('cleanup.sh', ['--yes']);
    expect(exitCode).toBe(0);
    expect(calls).toContainEqual([
      'kubectl',
      'patch',
      'azureassignedidentities.aadpodidentity.k8s.io',
      'web-1-shop-reader',
      '--namespace=default',
      '--type=merge',
      '--patch={"metadata":{"finalizers":null}}',
    ]);
    expect(await lab.readCluster()).toMatchObject({ objects: gone });
  });

  it('leaves a release of Helm to Helm, and the definitions with it', async () => {
    const releases = { 'deployment/kube-system/mic': 'pod-identity' };
    await using lab = await createScriptLab(await writtenBy(whole), empty, {
      ...cluster,
      releases,
    });
    const { exitCode, stdout } = await lab.run('cleanup.sh', ['--yes']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Run: helm uninstall pod-identity --namespace kube-system');
    const { objects, definitions } = await lab.readCluster();
    expect([objects['deployment'], definitions]).toEqual([['kube-system/mic'], resources]);
  });

  it('lists the roles of the node pools, and deletes none', async () => {
    await using lab = await createScriptLab(await writtenBy(whole), empty, cluster);
    const { exitCode, stdout, calls } = await lab.run('cleanup.sh', ['--cluster', 'rg', 'aks']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`role assignment list of ${resourceId('reader')}`);
    expect(stdout).toContain('role assignment list of kubelet-object-id');
    expect(stdout).toContain('vmss identity show of pool-2');
    expect(calls.filter((call) => call.includes('delete'))).toEqual([]);
  });
});
