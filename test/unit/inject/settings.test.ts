import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { imageFlags, runInjectOn } from '../../support/inject.ts';

const pod = (spec = ''): string =>
  `apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  serviceAccountName: sa\n${spec}  containers:\n  - name: app\n    image: x\n`;
const uninject = async (stdin: string) => (await runInjectOn('uninject', [], { stdin })).stdout;

/** Injects, and makes sure that it is the same twice and can be undone to the byte. */
const inject = async (stdin: string, ...flags: string[]) => {
  const argv = flags.includes('--no-redirect')
    ? [imageFlags[0] ?? '', '--header-secret=x', ...flags]
    : [...imageFlags, ...flags];
  const run = await runInjectOn('inject', argv, { stdin });
  expect(run.exitCode, run.stderr).toBe(0);
  expect((await runInjectOn('inject', argv, { stdin: run.stdout })).stdout).toBe(run.stdout);
  expect(await uninject(run.stdout)).toBe(stdin);
  const { spec } = parse(run.stdout);
  const proxy = [...spec.initContainers, ...spec.containers].find(
    ({ name }: { name: string }) => name === 'azwi-proxy',
  );
  return { ...run, spec, proxy };
};

describe('a CA bundle', () => {
  it.each([
    [
      '--ca-configmap=corp',
      { configMap: { name: 'corp', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    ],
    [
      '--ca-secret=corp/root.pem',
      { secret: { secretName: 'corp', items: [{ key: 'root.pem', path: 'ca.crt' }] } },
    ],
  ])('%s is mounted into the proxy, which trusts it', async (flag, source) => {
    const { spec, proxy } = await inject(pod(), flag);
    expect(spec.volumes).toEqual([{ name: 'imds-proxy-ca', ...source }]);
    expect(proxy.volumeMounts).toEqual([
      { name: 'imds-proxy-ca', mountPath: '/var/run/secrets/imds-proxy-ca', readOnly: true },
    ]);
    expect(proxy.env).toEqual([
      { name: 'NODE_EXTRA_CA_CERTS', value: '/var/run/secrets/imds-proxy-ca/ca.crt' },
    ]);
  });
});

describe('further mounts', () => {
  it('come from a ConfigMap, a Secret or a volume of the pod', async () => {
    const { spec, proxy } = await inject(
      pod('  volumes: [{name: data, emptyDir: {}}]\n'),
      '--proxy-mount=configmap/my.conf:/etc/a',
      '--proxy-mount=secret/s:/etc/b',
      '--proxy-mount=volume/data:/etc/c',
    );
    expect(spec.volumes).toEqual([
      { name: 'data', emptyDir: {} },
      { name: 'imds-proxy-config-my-conf', configMap: { name: 'my.conf' } },
      { name: 'imds-proxy-secret-s', secret: { secretName: 's' } },
    ]);
    expect(proxy.volumeMounts).toEqual([
      { name: 'imds-proxy-config-my-conf', mountPath: '/etc/a', readOnly: true },
      { name: 'imds-proxy-secret-s', mountPath: '/etc/b', readOnly: true },
      { name: 'data', mountPath: '/etc/c', readOnly: true },
    ]);
  });

  it('of a volume that the pod lacks are refused', async () => {
    const argv = [...imageFlags, '--proxy-mount=volume/data:/x'];
    const { exitCode, stderr } = await runInjectOn('inject', argv, { stdin: pod() });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('--proxy-mount names the volume data, which the pod does not have');
  });
});

describe('images', () => {
  it('have a pull policy, a digest, and pull secrets behind those of the pod', async () => {
    const digest = `@sha256:${'a'.repeat(64)}`;
    const { spec } = await inject(
      pod('  imagePullSecrets:\n  - name: own\n'),
      `--proxy-image=registry.example:5000/p${digest}`,
      `--init-image=registry.example/i:1${digest}`,
      '--image-pull-policy=Always',
      '--image-pull-secret=own',
      '--image-pull-secret=ours',
    );
    expect(spec.imagePullSecrets).toEqual([{ name: 'own' }, { name: 'ours' }]);
    expect(spec.initContainers).toMatchObject([
      { image: `registry.example/i:1${digest}`, imagePullPolicy: 'Always' },
      { image: `registry.example:5000/p${digest}`, imagePullPolicy: 'Always' },
    ]);
  });
});

describe('the user of the proxy', () => {
  it('is left to the cluster without the redirect', async () => {
    const { proxy } = await inject(pod(), '--no-redirect', '--proxy-user=none');
    expect(proxy.securityContext).not.toHaveProperty('runAsUser');
    expect(proxy.securityContext).not.toHaveProperty('runAsGroup');
    expect(proxy.securityContext).toHaveProperty('runAsNonRoot', true);
  });

  it('is another one, which proxy-init is told', async () => {
    const { spec, proxy } = await inject(pod(), '--proxy-user=2000:3000');
    expect(proxy.securityContext).toMatchObject({ runAsUser: 2000, runAsGroup: 3000 });
    expect(spec.initContainers[0].env).toEqual(
      expect.arrayContaining([
        { name: 'PROXY_UID', value: '2000' },
        { name: 'PROXY_GID', value: '3000' },
      ]),
    );
  });

  it('must not be one of the application', async () => {
    const stdin = pod('  securityContext: {runAsUser: 2000}\n');
    const argv = [...imageFlags, '--proxy-user=2000'];
    const { stderr } = await runInjectOn('inject', argv, { stdin });
    expect(stderr).toContain('container app runs as user 2000');
  });

  it.each([['--proxy-user=none'], ['--proxy-user=0'], ['--proxy-user=root'], ['--proxy-user=1:0']])(
    '%s is refused with the redirect',
    async (flag) => {
      const { exitCode } = await runInjectOn('inject', [...imageFlags, flag], { stdin: pod() });
      expect(exitCode).toBe(2);
    },
  );
});

describe('the seccomp profile of the proxy', () => {
  it.each([
    ['--seccomp-profile=localhost/imds-proxy.json', 'imds-proxy.json'],
    ['--seccomp-profile=localhost/operator/imds-proxy.json', 'operator/imds-proxy.json'],
  ])('%s is a file of the node, for the proxy alone', async (flag, localhostProfile) => {
    for (const kind of ['--native-sidecar', '--classic']) {
      const { spec, proxy } = await inject(pod(), flag, kind);
      expect(proxy.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        seccompProfile: { type: 'Localhost', localhostProfile },
      });
      expect(spec.initContainers[0].securityContext.seccompProfile).toEqual({
        type: 'RuntimeDefault',
      });
    }
  });

  it('goes back to the default of the container runtime', async () => {
    const local = await inject(pod(), '--seccomp-profile=localhost/imds-proxy.json');
    const argv = [...imageFlags, '--seccomp-profile=RuntimeDefault'];
    const { stdout } = await runInjectOn('inject', argv, { stdin: local.stdout });
    expect(stdout).toBe((await inject(pod())).stdout);
  });

  it.each([
    'localhost/',
    'localhost//etc/x.json',
    'localhost/../x.json',
    'localhost/a/../../x.json',
    'localhost/a b.json',
    '/var/lib/kubelet/seccomp/x.json',
    'imds-proxy.json',
    'Unconfined',
    '',
  ])('%j is refused', async (value) => {
    const argv = [...imageFlags, `--seccomp-profile=${value}`];
    const { exitCode, stderr } = await runInjectOn('inject', argv, { stdin: pod() });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^.*--seccomp-profile: .*; write it like localhost\/imds-proxy\.json$/m);
  });
});

describe('the shutdown deadline of a classic sidecar', () => {
  it.each([
    [600, '595s'],
    [30, '25s'],
    [10, '5s'],
    [1, '1s'],
  ])('with %d s of grace is %s', async (grace, deadline) => {
    const { proxy } = await inject(pod(`  terminationGracePeriodSeconds: ${grace}\n`), '--classic');
    expect(proxy.env).toEqual([{ name: 'IMDS_PROXY_DRAIN_DEADLINE', value: deadline }]);
  });

  it('is left to the proxy where the pod sets nothing, and in a native sidecar', async () => {
    expect((await inject(pod(), '--classic')).proxy).not.toHaveProperty('env');
    expect((await inject(pod('  terminationGracePeriodSeconds: 600\n'))).proxy).not.toHaveProperty(
      'env',
    );
  });
});

describe('NET_RAW', () => {
  it('is taken from every container of the application that does not ask for it', async () => {
    const { spec, stderr } = await inject(
      pod(
        '  initContainers:\n  - name: i\n    image: x\n    securityContext: {capabilities: {drop: [CHOWN]}}\n  - name: all\n    image: x\n    securityContext: {capabilities: {drop: [ALL]}}\n  - name: ping\n    image: x\n    securityContext: {capabilities: {add: [NET_RAW]}}\n  - name: root\n    image: x\n    securityContext: {privileged: true}\n',
      ),
      '--drop-net-raw',
    );
    const dropped = [...spec.initContainers.slice(2), ...spec.containers].map(
      ({ securityContext }) => securityContext?.capabilities?.drop,
    );
    expect(dropped).toEqual([['CHOWN', 'NET_RAW'], ['ALL'], undefined, undefined, ['NET_RAW']]);
    expect(stderr).toContain('note: container ping adds NET_RAW itself');
    expect(stderr).toContain('note: container root is privileged');
    expect(stderr).not.toContain('--drop-net-raw');
  });

  it('is noted in the summary otherwise', async () => {
    const { stderr } = await inject(pod());
    expect(stderr).toContain(
      'pod templates that keep NET_RAW, by which containers can send packets past the redirect: 1; take it away with --drop-net-raw\n',
    );
  });
});

describe('a defaults file', () => {
  const defaults = `proxy-image: registry.example/p:1
init-image: registry.example/i:1
proxy-port: 8123
proxy-env:
  HTTPS_PROXY: http://proxy
image-pull-secret: [a, b]
classic: true
`;
  const run = (argv: readonly string[], files: Record<string, string>) =>
    runInjectOn('inject', argv, { files });

  it('beside the manifests spares the flags, and is named', async () => {
    for (const argv of [
      ['deploy'],
      ['deploy/web.yaml'],
      ['--config=deploy/inject.yaml', 'deploy'],
    ]) {
      const { stdout, stderr, exitCode } = await run(argv, {
        'deploy/inject.yaml': defaults,
        'deploy/web.yaml': pod(),
      });
      expect(exitCode, stderr).toBe(0);
      expect(stderr).toContain('inject: defaults from deploy/inject.yaml\n');
      expect(parse(stdout).spec.containers[0]).toMatchObject({
        name: 'azwi-proxy',
        args: ['--proxy-port=8123', '--log-level=info'],
        env: [{ name: 'HTTPS_PROXY', value: 'http://proxy' }],
      });
      expect(parse(stdout).spec.imagePullSecrets).toEqual([{ name: 'a' }, { name: 'b' }]);
    }
  });

  it('is overridden by flags, and added to where they repeat', async () => {
    const { stdout, exitCode, stderr } = await run(
      [
        '--native-sidecar',
        '--no-redirect',
        '--header-secret=x',
        '--proxy-port=81',
        '--proxy-env=A=b',
        'web.yaml',
      ],
      { 'inject.yaml': defaults, 'web.yaml': pod() },
    );
    expect(exitCode, stderr).toBe(0);
    const [proxy, ...others] = parse(stdout).spec.initContainers;
    expect(others).toEqual([]);
    expect(proxy.args[0]).toBe('--proxy-port=81');
    expect(proxy.env.slice(1)).toEqual([
      { name: 'HTTPS_PROXY', value: 'http://proxy' },
      { name: 'A', value: 'b' },
    ]);
  });

  it.each<[text: string, message: RegExp]>([
    ['proxy-imgae: x\n', /inject\.yaml: proxy-imgae is not a setting; did you mean proxy-image\?/],
    ['in-place: true\n', /in-place is not a setting/],
    ['proxy-image: {a: {b: c}}\n', /proxy-image is neither a text nor a list/],
    ['- a\n', /not a YAML map/],
    ['proxy-image: a b\n', /--proxy-image: "a b" is not an image/],
  ])('%j is refused', async (text, message) => {
    const { exitCode, stderr } = await run(['web.yaml'], {
      'inject.yaml': text,
      'web.yaml': pod(),
    });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('must be there if it is named, and be one', async () => {
    const missing = await run(['--config=none.yaml', 'web.yaml'], { 'web.yaml': pod() });
    expect([missing.exitCode, missing.stderr]).toEqual([
      2,
      expect.stringContaining('there is no file none.yaml'),
    ]);
    const two = await run(['a/web.yaml', 'b/web.yaml'], {
      'a/inject.yaml': defaults,
      'b/inject.yaml': defaults,
      'a/web.yaml': pod(),
      'b/web.yaml': pod(),
    });
    expect([two.exitCode, two.stderr]).toEqual([
      2,
      expect.stringContaining('name one with --config'),
    ]);
  });

  it('is not a manifest of that name', async () => {
    const files = { 'd/inject.yaml': pod(), 'd/web.yaml': pod() };
    const { stderr } = await runInjectOn('inject', [...imageFlags, 'd'], { files });
    expect(stderr).toMatch(/2 changed, 0 unchanged, 0 failed\n$/);
  });
});

describe('folders', () => {
  const inject = (files: Record<string, string>, ...flags: string[]) =>
    runInjectOn('inject', [...imageFlags, ...flags, 'app'], { files });
  const patch =
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      hostNetwork: true\n      containers: [{name: c, image: y}]\n';

  it('of kustomize: patches and data are named and left alone', async () => {
    const files = {
      'app/base/web.yaml': pod(),
      'app/base/kustomization.yaml': 'resources: [web.yaml]\n',
      'app/prod/kustomization.yaml':
        'resources: [../base]\npatches:\n- path: one.yaml\n- patch: "{}"\n  target: {kind: Pod}\npatchesStrategicMerge: [two.yaml, "a: b\\nc: d\\n"]\npatchesJson6902: [{path: three.json}]\nreplacements: [{path: four.yaml}]\nconfigMapGenerator:\n- name: c\n  files: [key=five.yaml, ../shared/six.yaml]\n',
      'app/prod/one.yaml': patch,
      'app/prod/two.yaml': patch,
      'app/prod/three.json': '[{"op":"add"}]',
      'app/prod/four.yaml': 'source: {}\n',
      'app/prod/five.yaml': patch,
      'app/shared/six.yaml': patch,
      'app/prod/extra.yaml': pod(),
    };
    const { stderr, exitCode, written } = await inject(files, '--in-place');
    expect(exitCode, stderr).toBe(0);
    expect([...written.keys()].sort()).toEqual(['app/base/web.yaml', 'app/prod/extra.yaml']);
    for (const [file, role] of [
      ['prod/one.yaml', 'a patch'],
      ['prod/two.yaml', 'a patch'],
      ['prod/three.json', 'a patch'],
      ['prod/four.yaml', 'a replacement'],
      ['prod/five.yaml', 'data'],
      ['shared/six.yaml', 'data'],
    ]) {
      expect(stderr).toContain(
        `app/${file}: warning: not injected: ${role} of app/prod/kustomization.yaml, not an object`,
      );
    }
  });

  it('a patch that is named alone is found out by the kustomization beside it', async () => {
    const files = { 'a/one.yaml': patch, 'kustomization.yaml': 'patches: [{path: a/one.yaml}]\n' };
    const { stdout, stderr, exitCode } = await runInjectOn(
      'inject',
      [...imageFlags, 'a/one.yaml'],
      { files },
    );
    expect([stdout, exitCode]).toEqual(['', 0]);
    expect(stderr).toContain('a patch of kustomization.yaml');
  });

  it('of a chart and its surroundings end with 0', async () => {
    const files = {
      'app/Chart.yaml': 'apiVersion: v2\nname: x\nversion: 1.0.0\n',
      'app/values.yaml': 'image: x\nsidecars: []\n',
      'app/compose.yaml': 'services: {web: {image: x}}\n',
      'app/templates/web.yaml': `${pod().replace('name: web', 'name: {{ .Release.Name }}')}`,
      'app/templates/quoted.yaml': pod().replace('name: web', 'name: "{{ .x }}"'),
      'app/templates/service.yaml': 'apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .x }}\n',
      'app/patch.json': '[{"op":"remove","path":"/x"}]',
      'app/good.yaml': pod(),
    };
    const { stderr, exitCode } = await inject(files);
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain(
      'app/templates/web.yaml:4: document 1: warning: not injected: this is a template',
    );
    expect(stderr).toMatch(
      /1 changed, 0 unchanged, 3 skipped with a warning, 4 ignored, 0 failed\n$/,
    );
    const named = await runInjectOn('inject', [...imageFlags, 'app/templates/web.yaml'], { files });
    expect(named.exitCode).toBe(1);
  });
});
