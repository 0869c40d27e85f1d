import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { imageFlags } from '../../support/inject.ts';
import {
  binding,
  clientId,
  identity,
  issuer,
  resourceId,
  runMigrateOn,
  tenantId,
  toYaml,
  workload,
  writtenBy,
} from '../../support/migrate.ts';

const setup = toYaml(identity('reader'), binding('web', 'reader', 'web'));
const shop = `${setup}${toYaml(workload('web', 'web'))}`;
const flags = [...imageFlags, `--issuer=${issuer}`, `--tenant-id=${tenantId}`];

describe('--write', () => {
  it('says where to begin, and prints nothing to standard output', async () => {
    const run = await runMigrateOn(['--write=out', ...flags], { stdin: shop });
    expect([run.exitCode, run.stdout]).toEqual([0, '']);
    expect(run.stderr).toBe('out: 8 files written; begin with out/README.md\n');
    expect([...(run.folder?.keys() ?? [])]).toEqual([
      'README.md',
      'federated-credentials.sh',
      'federated-credentials.bicep',
      'identity-credentials.bicep',
      'federated-credentials.tf',
      'serviceaccounts.yaml',
      'workloads/shop/deployment-web.yaml',
      'cleanup.sh',
    ]);
  });

  it.each<[string, readonly string[], string]>([
    ['a document is at fault', ['--write=out', ...flags], 'nothing was written'],
    ['no image is named', ['--write=out', `--issuer=${issuer}`], '--proxy-image and --init-image'],
    ['no issuer is known', ['--write=out', ...imageFlags], 'pass --issuer='],
    ['standard input must be changed', ['--in-place', ...flags], 'standard input cannot be'],
    ['two actions are named', ['--write=out', '--check', ...flags], 'exclude one another'],
    ['nothing is written', ['--drop-label'], '--drop-label goes with --write or --in-place'],
  ])('writes nothing if %s', async (why, argv, message) => {
    const stdin = why.startsWith('a document') ? `${shop}---\nkind: [\n` : shop;
    const { exitCode, stderr, folder } = await runMigrateOn(argv, { stdin });
    expect(exitCode).toBeGreaterThan(0);
    expect(stderr).toContain(message);
    expect(folder).toBeUndefined();
  });

  it('reports a folder that cannot be written', async () => {
    const { runMigrate } = await import('../../../src/migrate/main.ts');
    const { runOn } = await import('../../support/inject.ts');
    const writeFolder = async (): Promise<void> => {
      throw new Error('the folder is not empty; name a new or an empty one');
    };
    const { exitCode, stderr } = await runOn(
      (io) => runMigrate(['--write=out', ...flags], { ...io, writeFolder }),
      { stdin: shop },
    );
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      'migrate: error: out cannot be written: the folder is not empty; name a new or an empty one\n',
    );
  });
});

describe('the workloads of --write', () => {
  const read = async (stdin: string, more: readonly string[] = []): Promise<string> => {
    const files = await writtenBy(stdin, more);
    const paths = [...files.keys()].filter((path) => path.startsWith('workloads/'));
    expect(paths).toHaveLength(1);
    return files.get(paths[0] ?? '') ?? '';
  };

  it('keep comments, order and quoting of a manifest', async () => {
    const manifest = `# Owned by the shop team.
kind: Deployment
apiVersion: "apps/v1"
metadata:
  namespace: shop
  name: web # the front
spec:
  template:
    metadata: {labels: {app: web, aadpodidbinding: 'web'}}
    spec:
      containers:
        # The only one.
        - {name: app, image: "x", args: ["yes"]}
`;
    const text = await read(`${setup}---\n${manifest}`);
    expect(text).toMatch(/^# Owned by the shop team\.\nkind: Deployment\napiVersion: "apps\/v1"\n/);
    expect(text).toContain('  name: web # the front\n');
    expect(text).toContain(
      '        # The only one.\n        - {name: app, image: "x", args: ["yes"]}',
    );
    expect(text).toContain("aadpodidbinding: 'web'");
    expect(text).toContain('serviceAccountName: web\n');
  });

  it('are clean of additions of a cluster, and mean the same to Kubernetes', async () => {
    const dumped = {
      ...workload('web', 'web', {
        spec: {
          serviceAccount: 'default',
          serviceAccountName: 'default',
          containers: [{ name: 'app', image: 'x', args: ['yes', '0440', '1e3', 'a\nb\n', ' x'] }],
        },
      }),
      metadata: { name: 'web', namespace: 'shop', uid: 'c0ffee', resourceVersion: '1' },
      status: { replicas: 3 },
    };
    const dump = { apiVersion: 'v1', kind: 'List', items: [dumped], metadata: {} };
    const text = await read(`${setup}${toYaml(dump)}`);
    expect(text).not.toMatch(/^\s*(?:uid|resourceVersion|status|replicas):/m);
    expect(text).toContain('"yes"');
    expect(text).toContain('"0440"');
    const { metadata, spec } = parse(text);
    expect(metadata).toEqual({ name: 'web', namespace: 'shop' });
    expect(spec.template.spec).toMatchObject({ serviceAccount: 'web', serviceAccountName: 'web' });
    expect(spec.template.spec.containers).toEqual(Object(dumped).spec.template.spec.containers);
  });

  it('have the value of IMDS_PROXY_IDENTITIES with which requests by resource ID work', async () => {
    const { spec } = parse(await read(shop));
    const [, proxy] = spec.template.spec.initContainers;
    const [variable] = proxy.env;
    expect(variable.name).toBe('IMDS_PROXY_IDENTITIES');
    const [{ clientId: client }, ...rest] = JSON.parse(variable.value);
    expect(rest).toEqual([]);
    expect(JSON.parse(variable.value)).toEqual([
      { clientId: client, resourceId: resourceId('reader') },
    ]);
    const own = await read(shop, ['--proxy-env=IMDS_PROXY_IDENTITIES=[]']);
    expect(own).not.toContain('userAssignedIdentities');
  });

  it('are only labelled and annotated if the webhook adds the containers', async () => {
    const { spec } = parse(await read(shop, ['--webhook=present']));
    expect(spec.template).toEqual({
      metadata: {
        labels: { app: 'web', aadpodidbinding: 'web', 'azure.workload.identity/use': 'true' },
        annotations: { 'azure.workload.identity/inject-proxy-sidecar': 'true' },
      },
      spec: {
        serviceAccountName: 'web',
        containers: [{ name: 'app', image: 'registry.example/app:1' }],
      },
    });
    const bound = parse(await read(shop, ['--webhook=present', '--identity-binding']));
    expect(bound.spec.template.metadata.annotations).toHaveProperty(
      ['azure.workload.identity/use-identity-binding'],
      'true',
    );
  });

  it('lose the label with --drop-label, unless a selector names it', async () => {
    expect(await read(shop, ['--drop-label'])).not.toContain('aadpodidbinding');
    const selected = toYaml({
      ...workload('web', 'web'),
      spec: {
        ...Object(workload('web', 'web')).spec,
        selector: { matchLabels: { aadpodidbinding: 'web' } },
      },
    });
    const files = await writtenBy(`${setup}${selected}`, ['--drop-label']);
    expect(
      parse(files.get('workloads/shop/deployment-web.yaml') ?? '').spec.template.metadata.labels,
    ).toHaveProperty('aadpodidbinding', 'web');
    expect(files.get('README.md')).toContain(
      'the label aadpodidbinding stays: the selector names it, and cannot be changed',
    );
  });

  it('write a label that is a number as the text that Kubernetes wants', async () => {
    const numbers = toYaml(identity('reader'), binding('web', 'reader', '7'), workload('web', 7));
    expect(await read(numbers)).toContain('"aadpodidbinding": "7"');
  });

  it('bring their own token where there is no webhook', async () => {
    const { spec } = parse(await read(shop, ['--webhook=absent']));
    const [, proxy] = spec.template.spec.initContainers;
    const values = new Map(
      proxy.env.map(({ name, value }: Record<string, string>) => [name, value]),
    );
    expect(values.get('AZURE_TENANT_ID')).toBe(tenantId);
    expect(values.get('AZURE_CLIENT_ID')).toMatch(/^1{8}-/);
  });

  it('leave out workloads that are blocked, exempt or made by something else, and the README names it', async () => {
    const windows = workload('win', 'web', {
      spec: { nodeSelector: { 'kubernetes.io/os': 'windows' } },
    });
    const free = workload('free', 'web', { labels: { team: 'infra' } });
    const exception = {
      apiVersion: 'aadpodidentity.k8s.io/v1',
      kind: 'AzurePodIdentityException',
      metadata: { name: 'infra', namespace: 'shop' },
      spec: { podLabels: { team: 'infra' } },
    };
    const files = await writtenBy(`${shop}${toYaml(windows, free, exception)}`);
    expect([...files.keys()].filter((path) => path.startsWith('workloads/'))).toEqual([
      'workloads/shop/deployment-web.yaml',
    ]);
    const [, left] = /## Not in these files\n([^#]*)/.exec(files.get('README.md') ?? '') ?? [];
    expect(left).toContain('shop/Deployment win');
    expect(left).not.toContain('free');
  });

  it('are not written for names that Kubernetes does not take', async () => {
    const evil = ['../../../etc/cron.d/x', 'a/b', '$(id)', "'; rm -rf ~; '", '`id`', 'x\ny', '-rf'];
    const { exitCode, stderr, folder } = await runMigrateOn(['--write=out', ...flags], {
      stdin: `${setup}${toYaml(...evil.map((name) => workload(name, 'web')))}`,
    });
    expect(exitCode).toBe(1);
    expect(folder).toBeUndefined();
    for (const name of evil) {
      expect(stderr).toContain(`${JSON.stringify(name)} is not a name that Kubernetes takes`);
    }
  });
});

describe('the README', () => {
  const readmeOf = async (stdin: string, more: readonly string[] = []): Promise<string> =>
    (await writtenBy(stdin, more)).get('README.md') ?? '';
  const many = (count: number): string =>
    setup + toYaml(...Array.from({ length: count }, (_, index) => workload(`web-${index}`, 'web')));

  it('says when an identity binding is the only way, and only then', async () => {
    expect(await readmeOf(many(21))).toContain(
      '**More than 20 credentials:** `shop/reader` (21). Entra keeps no more for one identity',
    );
    expect(await readmeOf(many(20))).not.toContain('More than 20');
    expect(await readmeOf(many(21), ['--identity-binding'])).toContain(
      `the binding is the only way for \`${resourceId('reader')}\` (21 credentials)`,
    );
    expect(await readmeOf(many(20), ['--identity-binding'])).not.toContain('only way');
    const second = '--issuer=https://issuer.example/second';
    expect(await readmeOf(many(11), ['--identity-binding', second])).toContain('(22 credentials)');
  });

  it('begins with a workload that depends on AAD Pod Identity', async () => {
    const annotations = { 'azure.workload.identity/inject-proxy-sidecar': 'true' };
    const upstream = workload('also', undefined, { annotations });
    expect(await readmeOf(setup + toYaml(upstream, workload('web', 'web')))).toContain(
      'Begin with this one, which has no open findings: `shop/Deployment web`.',
    );
  });

  it('has no name that az could read as an option', async () => {
    const odd = identity('reader', {
      spec: { resourceID: resourceId('reader').replace('/identities/', '/-group/') },
    });
    const readme = await readmeOf(
      toYaml(odd, binding('web', 'reader', 'web'), workload('web', 'web')),
    );
    expect(readme).toContain(' --resource-group=-group ');
    expect(readme).not.toMatch(/ -group/);
  });
});

describe('serviceaccounts.yaml', () => {
  it('has the whole object that the input has, with the annotations', async () => {
    const account = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'front', namespace: 'shop', labels: { team: 'a' }, uid: 'c0ffee' },
      imagePullSecrets: [{ name: 'registry' }],
    };
    const files = await writtenBy(
      `${setup}${toYaml(account, workload('web', 'web', { spec: { serviceAccountName: 'front' } }))}`,
    );
    const [found] = parseAllDocuments(files.get('serviceaccounts.yaml') ?? '').map((one) =>
      one.toJS(),
    );
    expect(found).toEqual({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: {
        name: 'front',
        namespace: 'shop',
        labels: { team: 'a' },
        annotations: {
          'azure.workload.identity/client-id': expect.stringMatching(/^1{8}-/),
          'azure.workload.identity/tenant-id': tenantId,
        },
      },
      imagePullSecrets: [{ name: 'registry' }],
    });
  });

  it('has a new one with the image pull secrets of the one before', async () => {
    const account = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace: 'shop' },
      imagePullSecrets: [{ name: 'registry' }],
    };
    const files = await writtenBy(`${shop}${toYaml(account)}`);
    expect(parse(files.get('serviceaccounts.yaml') ?? '')).toMatchObject({
      metadata: { name: 'web', namespace: 'shop' },
      imagePullSecrets: [{ name: 'registry' }],
    });
  });
});

describe('--in-place', () => {
  it.each([
    [1, 'b.yaml cannot be written: full; nothing was changed'],
    [2, 'b.yaml cannot be written: full; a.yaml is changed, and could not be put back: full'],
  ])(
    'puts back all files if one cannot be written, or names them (%i writes fail)',
    async (failures, message) => {
      const { runMigrate } = await import('../../../src/migrate/main.ts');
      const { runOn } = await import('../../support/inject.ts');
      const files: Readonly<Record<string, string>> = {
        'setup.yaml': setup,
        'a.yaml': toYaml(workload('a', 'web')),
        'b.yaml': toYaml(workload('b', 'web')),
        'c.yaml': toYaml(workload('c', 'web')),
      };
      const disk = new Map(Object.entries(files));
      let count = 0;
      const writeFile = async (path: string, text: string): Promise<void> => {
        count += 1;
        if (count > 1 && count <= 1 + failures) throw new Error('full');
        disk.set(path, text);
      };
      const { exitCode, stderr } = await runOn(
        (io) =>
          runMigrate(['--in-place', ...flags, ...Object.keys(files)], {
            ...io,
            writeFile,
            writeFolder: async () => {},
          }),
        { files },
      );
      expect([exitCode, stderr]).toEqual([1, `migrate: error: ${message}\n`]);
      const changed = Object.keys(files).filter((path) => disk.get(path) !== files[path]);
      expect(changed).toEqual(failures === 1 ? [] : ['a.yaml']);
    },
  );

  const change = (files: Readonly<Record<string, string>>, more: readonly string[] = []) =>
    runMigrateOn(['--in-place', ...flags, ...more, ...Object.keys(files)], { files });

  it('changes workloads and ServiceAccounts where they stand, and adds new ones behind their workload', async () => {
    const files = {
      'identities.yaml': setup,
      'accounts.yaml':
        'apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: front # ours\n  namespace: shop\n',
      'web.yaml': toYaml(workload('web', 'web')),
      'front.yaml': toYaml(workload('front', 'web', { spec: { serviceAccountName: 'front' } })),
    };
    const { exitCode, stderr, stdout, written } = await change(files);
    expect([exitCode, stdout]).toEqual([0, '']);
    expect(stderr).toBe(
      'accounts.yaml: changed\nweb.yaml: changed\nfront.yaml: changed\n3 of 4 files changed\n',
    );
    expect(written.get('accounts.yaml')).toMatch(
      /^apiVersion: v1\nkind: ServiceAccount\nmetadata:\n {2}name: front # ours\n {2}namespace: shop\n {2}annotations:\n {4}azure\.workload\.identity\/client-id: 1/,
    );
    expect(written.get('web.yaml')).toMatch(
      /\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n {2}name: web\n {2}namespace: shop\n {2}annotations:\n/,
    );
    expect(written.get('front.yaml')).not.toContain('kind: ServiceAccount');
  });

  it('keeps Windows line ends, a byte order mark and a missing line break at the end', async () => {
    const manifest =
      '\uFEFFapiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels:\n    aadpodidbinding: web\nspec:\n  containers:\n  - name: app\n    image: x'.replaceAll(
        '\n',
        '\r\n',
      );
    const files = {
      'a.yaml': setup.replaceAll('"namespace": "shop"', '"namespace": "default"'),
      'b.yaml': manifest,
    };
    const { written, stderr } = await change(files);
    const text = written.get('b.yaml') ?? '';
    expect(stderr).toContain('1 of 2 files changed');
    expect(text.startsWith('\uFEFFapiVersion: v1\r\n')).toBe(true);
    expect(text.replaceAll('\r\n', '')).not.toContain('\n');
    expect(text).toContain('\r\n---\r\napiVersion: v1\r\nkind: ServiceAccount\r\n');
    expect(text).not.toMatch(/namespace/);
  });

  it('appends to JSON as JSON', async () => {
    const json = JSON.stringify(workload('web', 'web'), null, 2);
    const { written } = await change({ 'a.yaml': setup, 'web.json': json });
    const text = written.get('web.json') ?? '';
    expect(text).not.toContain('---');
    expect(text).toMatch(/\n\}\n\{\n {2}"apiVersion": "v1",\n {2}"kind": "ServiceAccount"/);
  });

  it('changes every copy of an object', async () => {
    const { written } = await change({
      'a.yaml': setup,
      'one/web.yaml': toYaml(workload('web', 'web')),
      'two/web.yaml': toYaml(workload('web', 'web')),
    });
    expect([...written.keys()]).toEqual(['one/web.yaml', 'two/web.yaml']);
    expect(written.get('two/web.yaml')).toContain('azwi-proxy');
    expect(written.get('two/web.yaml')).not.toContain('ServiceAccount"');
  });

  it('names a ServiceAccount that is in no file', async () => {
    const { stderr } = await change({
      'a.yaml': `${setup}${toYaml(workload('web', 'web', { spec: { serviceAccountName: 'front' } }))}`,
    });
    expect(stderr).toContain(
      'note: ServiceAccount shop/front is in none of the files; annotate it where it is made: azure.workload.identity/client-id=1',
    );
  });

  it('changes nothing if one object cannot be changed where it stands', async () => {
    const aliased = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: &meta {name: web, namespace: shop, labels: {aadpodidbinding: web}}
  spec: {containers: [{name: app, image: x}]}
- apiVersion: v1
  kind: ConfigMap
  metadata: *meta
`;
    const { exitCode, stderr, written } = await change({
      'a.yaml': setup,
      'b.yaml': aliased,
      'c.yaml': toYaml(workload('api', 'web')),
    });
    expect([exitCode, written.size]).toEqual([1, 0]);
    expect(stderr).toMatch(
      /^migrate: error: b\.yaml:\d+:\d+: &meta stands for this part elsewhere too/m,
    );
    expect(stderr).toContain('nothing was changed');
  });
});

it('two identities with one client ID share a credential', async () => {
  const twice = toYaml(
    identity('one', { spec: { clientID: clientId(3) } }),
    identity('two', { spec: { clientID: clientId(3) } }),
    binding('one', 'one', 'web'),
    binding('two', 'two', 'web'),
    workload('web', 'web'),
  );
  const files = await writtenBy(twice);
  const lines = (files.get('federated-credentials.sh') ?? '').match(/^credential shop-/gm);
  expect(lines).toHaveLength(1);
});
