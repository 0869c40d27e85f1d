import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { imageFlags, runInjectOn } from '../../support/inject.ts';

const inject = async (stdin: string, ...flags: string[]) => {
  const run = await runInjectOn('inject', [...imageFlags, ...flags], { stdin });
  expect(run.stderr).not.toContain('error:');
  return run;
};
const uninject = async (stdin: string) => (await runInjectOn('uninject', [], { stdin })).stdout;

const pod = (spec: string, metadata = ''): string =>
  `apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n${metadata}spec:\n  serviceAccountName: sa\n${spec}  containers:\n  - name: app\n    image: x\n`;
const ownFlags = ['--webhook=absent', '--tenant-id=contoso.example'];

describe('an injected pod', () => {
  it('runs the redirect before everything else and the proxy before the application', async () => {
    const { stdout } = await inject(pod('  initContainers:\n  - name: own\n    image: y\n'));
    const { initContainers, containers } = parse(stdout).spec;
    expect(initContainers.map(({ name }: { name: string }) => name)).toEqual([
      'azwi-proxy-init',
      'azwi-proxy',
      'own',
    ]);
    expect(containers.map(({ name }: { name: string }) => name)).toEqual(['app']);
  });

  it('overrides the security context of the pod', async () => {
    const { stdout } = await inject(
      pod('  securityContext: {runAsUser: 10001, runAsGroup: 10001, runAsNonRoot: true}\n'),
    );
    const [init, proxy] = parse(stdout).spec.initContainers;
    expect(init.securityContext).toMatchObject({
      runAsUser: 0,
      runAsNonRoot: false,
      privileged: false,
    });
    expect(init.securityContext.capabilities).toEqual({ drop: ['ALL'], add: ['NET_ADMIN'] });
    expect(proxy.securityContext).toMatchObject({
      runAsUser: 1501,
      runAsGroup: 1501,
      runAsNonRoot: true,
    });
    for (const { securityContext } of [init, proxy]) {
      expect(securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
    }
  });

  it('has no probe that comes over the network when there is no admin port', async () => {
    const { stdout } = await inject(pod(''), '--admin-port=0');
    const proxy = parse(stdout).spec.initContainers[1];
    expect(proxy).not.toHaveProperty('livenessProbe');
    expect(proxy).not.toHaveProperty('ports');
    expect(proxy.env).toEqual([{ name: 'IMDS_PROXY_ADMIN_PORT', value: '0' }]);
  });

  it('takes resources away on request', async () => {
    const none = ['cpu-request', 'memory-request', 'memory-limit'].map((flag) => `--${flag}=none`);
    expect(parse((await inject(pod(''), ...none)).stdout).spec.initContainers[0].resources).toEqual(
      {},
    );
    const { stdout } = await inject(pod(''), '--cpu-request=none', '--cpu-limit=1');
    expect(parse(stdout).spec.initContainers[0].resources).toEqual({
      requests: { memory: '32Mi' },
      limits: { cpu: '1', memory: '128Mi' },
    });
  });

  it('lets variables from the command line come last', async () => {
    const { stdout } = await inject(
      pod(''),
      ...ownFlags,
      '--proxy-env=AZURE_TENANT_ID=other.example',
      '--proxy-env=X=a=b, c',
    );
    expect(parse(stdout).spec.initContainers[1].env).toEqual([
      { name: 'AZURE_TENANT_ID', value: 'other.example' },
      { name: 'AZURE_FEDERATED_TOKEN_FILE', value: '/var/run/secrets/imds-proxy/token' },
      { name: 'X', value: 'a=b, c' },
    ]);
  });

  it('keeps the token from the application unless it is told otherwise', async () => {
    const { stdout } = await inject(pod(''), ...ownFlags);
    expect(parse(stdout).spec.containers).toEqual([{ name: 'app', image: 'x' }]);
    expect(parse(stdout).metadata).not.toHaveProperty('labels');
  });

  it('names the default container of kubectl when ours comes first, unless somebody has', async () => {
    const key = 'kubectl.kubernetes.io/default-container';
    const { stdout } = await inject(pod(''), '--classic');
    expect(parse(stdout).metadata.annotations[key]).toBe('app');
    const { stdout: own } = await inject(pod('', `  annotations: {${key}: other}\n`), '--classic');
    expect(parse(own).metadata.annotations[key]).toBe('other');
  });
});

describe('the ServiceAccount of the input', () => {
  const account = (namespace: string, clientId: string): string =>
    `---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: sa\n${namespace}  annotations:\n    azure.workload.identity/client-id: "${clientId}"\n`;
  const clientIdOf = async (input: string): Promise<unknown> => {
    const { env } = parse((await inject(input, ...ownFlags)).stdout.split('---\n')[0] ?? '').spec
      .initContainers[1];
    return env.find(({ name }: { name: string }) => name === 'AZURE_CLIENT_ID')?.value;
  };

  it('gives its client ID, that of the same namespace first', async () => {
    const input = pod('', '  namespace: one\n');
    expect(
      await clientIdOf(input + account('', 'none') + account('  namespace: one\n', 'one')),
    ).toBe('one');
    expect(
      await clientIdOf(input + account('', 'none') + account('  namespace: two\n', 'two')),
    ).toBe('none');
    expect(await clientIdOf(input + account('  namespace: two\n', 'two'))).toBeUndefined();
    expect(await clientIdOf(pod('') + account('  namespace: two\n', 'two'))).toBe('two');
  });
});

describe('injecting again', () => {
  it('updates a pod with other flags, and undoes the parts that they no longer want', async () => {
    const original = pod('  volumes: []\n');
    const { stdout: own } = await inject(
      original,
      ...ownFlags,
      '--classic',
      '--token-containers=all',
    );
    const { stdout: direct } = await inject(original, '--proxy-port=81');
    const { stdout: updated, stderr } = await inject(own, '--proxy-port=81');
    expect(updated).toBe(direct);
    expect(stderr).toContain('Pod web: updated');
    expect(await uninject(updated)).toBe(original);
  });

  it('undoes what another version has done in another way, by its record', async () => {
    const record = {
      v: 1,
      added: ['/spec/containers/old-proxy', '/metadata/labels/formerly', '/spec/dnsConfig'],
      made: ['/metadata/labels'],
      had: { '/spec/shareProcessNamespace': { value: false, after: 'serviceAccountName' } },
    };
    const older = pod(
      '  shareProcessNamespace: true\n  dnsConfig: {nameservers: [127.0.0.1]}\n',
      `  labels:\n    formerly: "1"\n  annotations:\n    keep: it\n    workload-identity-imds-proxy/injected: '${JSON.stringify(record)}'\n`,
    ).replace('containers:\n', 'containers:\n  - name: old-proxy\n    image: z\n');
    const { stdout } = await inject(older);
    expect(stdout).not.toMatch(/old-proxy|formerly|dnsConfig/);
    expect(await uninject(stdout)).toBe(
      pod('  shareProcessNamespace: false\n', '  annotations:\n    keep: it\n'),
    );
  });

  it('replaces a hand-made copy of our containers that lost the record', async () => {
    const { stdout } = await inject(pod(''));
    const bare = stdout.replace(/ {2}annotations:\n.*\n/, '');
    const { stdout: again, stderr } = await inject(bare);
    expect(stderr).toContain(
      "note: replaced upstream's containers: azwi-proxy-init (registry.example",
    );
    expect(parse(again).spec).toEqual(parse(stdout).spec);
  });

  it('restores a part of the pod that somebody has damaged', async () => {
    const { stdout } = await inject(pod(''));
    const { stdout: again } = await inject(stdout.replace('runAsUser: 1501', 'runAsUser: 0'));
    expect(again).toBe(stdout);
  });
});

describe('uninject', () => {
  it('leaves pods alone that it has not injected, those of upstream included', async () => {
    const upstream = pod('').replace('name: app', 'name: azwi-proxy');
    const { stdout, stderr, exitCode } = await runInjectOn('uninject', [], { stdin: upstream });
    expect([stdout, exitCode]).toEqual([upstream, 0]);
    expect(stderr).toContain('unchanged (not injected by this program)');
  });

  it('keeps what somebody has added since', async () => {
    const { stdout } = await inject(pod(''), ...ownFlags);
    const edited = stdout
      .replace('  initContainers:\n', '  initContainers:\n  - name: later\n    image: y\n')
      .replace('  volumes:\n', '  volumes:\n  - name: later\n    emptyDir: {}\n')
      .replace('  annotations:\n', '  annotations:\n    later: "yes"\n');
    const { metadata, spec } = parse(await uninject(edited));
    expect(metadata.annotations).toEqual({ later: 'yes' });
    expect(spec.initContainers).toEqual([{ name: 'later', image: 'y' }]);
    expect(spec.volumes).toEqual([{ name: 'later', emptyDir: {} }]);
  });

  it('restores a list that was null, and annotations in their old order', async () => {
    const annotations = ['a', 'azure.workload.identity/inject-proxy-sidecar', 'z'];
    const original = pod(
      '  initContainers:\n  volumes:\n',
      `  annotations:\n${annotations.map((key) => `    ${key}: "true"\n`).join('')}`,
    );
    const { stdout } = await inject(original, ...ownFlags);
    expect(stdout).not.toContain('inject-proxy-sidecar: "true"');
    expect(await uninject(stdout)).toBe(original);
  });

  it('does not make a list null again that is in use now', async () => {
    const { stdout } = await inject(pod('  initContainers:\n'));
    const edited = stdout.replace('  initContainers:\n', '  initContainers:\n  - name: later\n');
    expect(parse(await uninject(edited)).spec.initContainers).toEqual([{ name: 'later' }]);
  });
});

describe('notes', () => {
  const guaranteed = (resources: string): string =>
    pod('').replace('image: x\n', `image: x\n    resources: ${resources}\n`);
  it.each<[name: string, input: string, flags: string[], note: RegExp | undefined]>([
    [
      'no ServiceAccount',
      pod('').replace('  serviceAccountName: sa\n', ''),
      [],
      /ServiceAccount default/,
    ],
    ['no client ID', pod(''), ownFlags, /no client ID is known/],
    [
      'a client ID',
      pod(''),
      [...ownFlags, '--client-id=5a5f5ac6-94ab-4ad8-8a0f-1ef5a9a07e08'],
      undefined,
    ],
    [
      'init containers before a classic sidecar',
      pod('  initContainers: [{name: i, image: x}]\n'),
      ['--classic'],
      /before the classic sidecar/,
    ],
    [
      'a Guaranteed pod',
      guaranteed('{limits: {cpu: 1, memory: 1Gi}}'),
      [],
      /Guaranteed and becomes Burstable/,
    ],
    [
      'a Guaranteed pod that stays so',
      guaranteed('{limits: {cpu: 1, memory: 1Gi}}'),
      ['--cpu-limit=10m', '--memory-limit=32Mi'],
      undefined,
    ],
    [
      'a Burstable pod',
      guaranteed('{requests: {cpu: 1}, limits: {cpu: 2, memory: 1Gi}}'),
      [],
      undefined,
    ],
    [
      'a label that was off',
      pod('', '  labels: {azure.workload.identity/use: "false"}\n'),
      ['--ignore-opt-out'],
      /label .* was "false"/,
    ],
    [
      'a webhook that would inject too',
      pod('', '  annotations: {azure.workload.identity/inject-proxy-sidecar: "true"}\n'),
      [],
      /inject-proxy-sidecar removed/,
    ],
  ])('%s', async (_, input, flags, note) => {
    const { stderr } = await inject(input, ...flags);
    if (note === undefined) expect(stderr).not.toContain('note:');
    else
      expect(stderr).toMatch(
        new RegExp(`^stdin:1: document 1: Pod web: note: .*${note.source}`, 'm'),
      );
  });
});

describe('objects that are left alone', () => {
  it.each([
    [
      'a pod that a controller made',
      `${pod('', '  ownerReferences: [{kind: ReplicaSet, name: web-1, controller: true}]\n')}`,
      'made by ReplicaSet web-1',
    ],
    [
      'a kind of another group',
      'apiVersion: serving.example/v1\nkind: Deployment\nspec: {template: {}}\n',
      'makes no pods',
    ],
    [
      'a kind named as a property of every object',
      'apiVersion: v1\nkind: constructor\n',
      'makes no pods',
    ],
  ])('%s', async (_, input, why) => {
    const { stdout, stderr } = await inject(input);
    expect(stdout).toBe(input);
    expect(stderr).toContain(`unchanged (${why})`);
  });

  it('understands a typed list whose items have no kind', async () => {
    const item =
      '- metadata: {name: web}\n  spec:\n    template:\n      spec:\n        containers: [{name: c, image: x}]\n';
    const { stderr } = await inject(`apiVersion: apps/v1\nkind: DeploymentList\nitems:\n${item}`);
    expect(stderr).toContain('stdin:4: document 1: Deployment web: injected');
  });
});
