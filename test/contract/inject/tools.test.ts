/** What real tools make of our files and our output: kustomize, Helm 3 and 4, and Argo CD's plugin. */
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { version } from '../../../build/version.ts';
import { findGoTool, type goTools } from '../../support/go-tools.ts';
import { imageFlags, runInjectOn } from '../../support/inject.ts';
import { findTypeFaults } from '../../support/kubernetes-types.ts';
import { shellBlock } from '../../support/shell-blocks.ts';
import { itUnless } from '../../support/skip.ts';

const root = join(import.meta.dirname, '../../..');
const dist = join(root, 'dist');
/** With the program: INJECT is split at spaces, and so cannot be a path of any folder. */
const PATH = `${dist}${delimiter}${process.env['PATH']}`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imds-proxy-tools-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = root,
): Promise<Ran> {
  const options = { env: { ...process.env, PATH, INJECT: 'proxy', ...env }, cwd, timeout: 60_000 };
  return promisify(execFile)(file, args, options);
}

/** Declares a test that needs a tool. Where it was not built the test is skipped, with the reason in its name. */
function withTool(
  tool: keyof typeof goTools,
  name: string,
  test: (path: string) => Promise<void>,
): void {
  const path = findGoTool(tool);
  const obstacle = path === undefined ? `${tool} is missing; run .ci/go-tools` : undefined;
  itUnless(obstacle, name, () => test(path ?? expect.fail(obstacle)));
}

/** A PATH that begins with programs under names of our choice. */
async function programs(found: Readonly<Record<string, string>>): Promise<string> {
  const bin = await mkdtemp(join(folder, 'bin-'));
  for (const [name, path] of Object.entries(found)) await symlink(path, join(bin, name));
  return `${bin}${delimiter}${PATH}`;
}

interface Workload {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

const documents = (yaml: string): readonly Workload[] =>
  parseAllDocuments(yaml)
    .map((document) => document.toJS())
    .filter((value) => value !== null);
const byKind = (yaml: string, kind: string): Workload => {
  const found = documents(yaml).find((document) => document.kind === kind);
  if (found === undefined) throw new Error(`there is no ${kind} in\n${yaml}`);
  return found;
};

interface PodSpec {
  readonly initContainers?: readonly { readonly name: string; readonly image: string }[];
  readonly containers: readonly { readonly name: string; readonly envFrom?: unknown }[];
}

const podOf = ({ spec }: Workload): PodSpec => {
  const template = Object(spec['template'] ?? Object(spec['jobTemplate'])?.spec?.template);
  return template.spec;
};
const names = (list: readonly { readonly name: string }[] = []): readonly string[] =>
  list.map(({ name }) => name);

const workload = (apiVersion: string, kind: string, inits: readonly object[]): object => {
  const spec = {
    ...(inits.length > 0 && { initContainers: inits }),
    containers: [{ name: 'app', image: 'registry.example/app:1' }],
    ...(/Job$/.test(kind) && { restartPolicy: 'Never' }),
  };
  const template = { metadata: { labels: { app: 'app' } }, spec };
  return {
    apiVersion,
    kind,
    metadata: { name: kind.toLowerCase(), labels: { 'imds-proxy': 'enabled' } },
    spec:
      kind === 'CronJob'
        ? { schedule: '* * * * *', jobTemplate: { spec: { template } } }
        : { template },
  };
};
const own = [{ name: 'own', image: 'registry.example/own:1' }];
const kinds: readonly (readonly [string, string, readonly object[]])[] = [
  ['apps/v1', 'Deployment', own],
  ['apps/v1', 'StatefulSet', own],
  ['apps/v1', 'DaemonSet', []],
  ['batch/v1', 'Job', own],
  ['batch/v1', 'CronJob', own],
  ['argoproj.io/v1alpha1', 'Rollout', []],
];

/** A kustomization of workloads with a component. */
async function withComponent(component: string, objects: readonly object[]): Promise<string> {
  const app = await mkdtemp(join(folder, 'app-'));
  await cp(join(root, 'deploy'), join(app, 'deploy'), { recursive: true });
  const stream = objects.map((object) => stringify(object)).join('---\n');
  await writeFile(join(app, 'workloads.yaml'), stream);
  const kustomization = { resources: ['workloads.yaml'], components: [component] };
  await writeFile(join(app, 'kustomization.yaml'), stringify(kustomization));
  return app;
}

describe('the component of kustomize', () => {
  const objects = kinds.map((kind) => workload(...kind));

  withTool('kustomize', 'injects every kind as a native sidecar', async (kustomize) => {
    const { stdout } = await run(kustomize, [
      'build',
      await withComponent('deploy/component', objects),
    ]);
    for (const [, kind, inits] of kinds) {
      const pod = podOf(byKind(stdout, kind));
      const expected = ['azwi-proxy-init', 'azwi-proxy', ...(inits.length > 0 ? ['own'] : [])];
      expect(names(pod.initContainers), kind).toEqual(expected);
      expect(names(pod.containers)).toEqual(['app']);
      if (kind !== 'Rollout') expect(findTypeFaults(byKind(stdout, kind))).toEqual([]);
    }
  });

  withTool('kustomize', 'injects what restarts as a classic sidecar', async (kustomize) => {
    const app = await withComponent('deploy/component/classic', objects);
    const { stdout } = await run(kustomize, ['build', app]);
    for (const [, kind, inits] of kinds) {
      const isLeft = /Job$/.test(kind);
      const pod = podOf(byKind(stdout, kind));
      expect(names(pod.containers), kind).toEqual(isLeft ? ['app'] : ['azwi-proxy', 'app']);
      const rest = inits.length > 0 ? ['own'] : [];
      expect(names(pod.initContainers)).toEqual(isLeft ? rest : ['azwi-proxy-init', ...rest]);
    }
  });

  withTool(
    'kustomize',
    'leads the first container to the proxy without the redirect',
    async (kustomize) => {
      const app = await withComponent('deploy/component/no-redirect', objects);
      const { stdout } = await run(kustomize, ['build', app]);
      expect(stdout).not.toContain('NET_ADMIN');
      for (const [, kind, inits] of kinds) {
        const pod = podOf(byKind(stdout, kind));
        expect(names(pod.initContainers), kind).toEqual([
          'azwi-proxy',
          ...(inits.length > 0 ? ['own'] : []),
        ]);
        expect(pod.containers[0]?.envFrom).toEqual([{ secretRef: { name: 'imds-proxy-client' } }]);
      }
    },
  );

  withTool(
    'kustomize',
    'fails rather than replacing the init containers of a Rollout',
    async (kustomize) => {
      const rollout = workload('argoproj.io/v1alpha1', 'Rollout', own);
      for (const component of ['deploy/component', 'deploy/component/classic']) {
        const app = await withComponent(component, [rollout]);
        await expect(run(kustomize, ['build', app])).rejects.toThrow(
          /initContainers failed: test failed/,
        );
      }
    },
  );
});

describe('kustomize build, then inject', () => {
  withTool(
    'kustomize',
    'changes the same objects as the component, and Rollouts with init containers',
    async (kustomize) => {
      const objects = kinds.map(([apiVersion, kind]) => workload(apiVersion, kind, own));
      const app = await withComponent('deploy/component', []);
      await writeFile(
        join(app, 'workloads.yaml'),
        objects.map((object) => stringify(object)).join('---\n'),
      );
      await writeFile(
        join(app, 'kustomization.yaml'),
        stringify({ resources: ['workloads.yaml'] }),
      );
      const built = await run(kustomize, ['build', app]);
      const { stdout, exitCode } = await runInjectOn('inject', imageFlags, { stdin: built.stdout });
      expect(exitCode).toBe(0);
      for (const [, kind] of kinds) {
        expect(names(podOf(byKind(stdout, kind)).initContainers)).toEqual([
          'azwi-proxy-init',
          'azwi-proxy',
          'own',
        ]);
      }
      expect((await runInjectOn('uninject', [], { stdin: stdout })).stdout).toBe(built.stdout);
    },
  );
});

describe('inject as a KRM function', () => {
  const plugins = ['build', '--enable-alpha-plugins', '--enable-exec'];

  withTool(
    'kustomize',
    'is run by kustomize, with its settings in functionConfig',
    async (kustomize) => {
      const block = shellBlock('docs/inject.md', 'kustomize build --enable');
      const env = { PATH: await programs({ kustomize }) };
      const { stdout } = await run('sh', ['-c', block], env);
      const pod = podOf(byKind(stdout, 'Deployment'));
      expect(pod.initContainers?.map(({ name, image }) => [name, image])).toEqual([
        ['azwi-proxy-init', `registry.example/imds-proxy/proxy-init:${version}`],
        ['azwi-proxy', `registry.example/imds-proxy/proxy:${version}`],
        ['migrate', 'registry.example/legacy-app:1'],
      ]);
      expect(findTypeFaults(byKind(stdout, 'Deployment'))).toEqual([]);
    },
  );

  withTool('kustomize', 'fails the build with its own words', async (kustomize) => {
    const copy = join(folder, 'krm');
    await cp(join(root, 'deploy'), copy, { recursive: true });
    const config = join(copy, 'krm/inject.yaml');
    const text = await readFile(config, 'utf8');
    await writeFile(config, text.replace('proxy-image:', 'proxy-imgae:'));
    await expect(run(kustomize, [...plugins, join(copy, 'krm')])).rejects.toThrow(
      /functionConfig: proxy-imgae is not a setting; did you mean proxy-image\?/,
    );
  });

  it('takes a ResourceList and gives one, in YAML and in JSON', async () => {
    const object = workload('apps/v1', 'Deployment', []);
    const list = {
      apiVersion: 'config.kubernetes.io/v1',
      kind: 'ResourceList',
      items: [object],
      functionConfig: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        data: { 'proxy-image': 'p', 'init-image': 'i' },
      },
    };
    for (const stdin of [stringify(list), JSON.stringify(list)]) {
      const { stdout, exitCode } = await runInjectOn('inject', ['--krm'], { stdin });
      expect(exitCode).toBe(0);
      const result = parse(stdout);
      expect(result).toMatchObject({ kind: 'ResourceList', functionConfig: list.functionConfig });
      expect(names(podOf(result.items[0]).initContainers)).toEqual([
        'azwi-proxy-init',
        'azwi-proxy',
      ]);
    }
  });

  it.each([
    [['--krm', 'file.yaml'], 'name no files'],
    [['--krm', '--check'], 'no other output'],
    [['--krm'], 'standard input is not a ResourceList'],
  ])('%j is refused otherwise', async (argv, message) => {
    const { exitCode, stderr } = await runInjectOn('inject', [...imageFlags, ...argv], {
      stdin: argv.length === 1 ? 'kind: Pod\n' : 'kind: ResourceList\n',
    });
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

/** A chart with a workload, one of the host's network, and a hook. */
async function makeChart(): Promise<string> {
  const chart = await mkdtemp(join(folder, 'chart-'));
  await mkdir(join(chart, 'templates'));
  await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: shop\nversion: 1.0.0\n');
  await writeFile(join(chart, 'values.yaml'), 'image: registry.example/app:1\n');
  const pod = (spec: string): string =>
    `    spec:\n${spec}      serviceAccountName: shop\n      containers:\n        - name: app\n          image: {{ .Values.image }}\n`;
  const head = (apiVersion: string, kind: string, metadata = ''): string =>
    `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: {{ .Release.Name }}-${kind.toLowerCase()}\n${metadata}spec:\n`;
  const selector =
    '  selector: {matchLabels: {app: shop}}\n  template:\n    metadata: {labels: {app: shop}}\n';
  await writeFile(
    join(chart, 'templates/web.yaml'),
    head('apps/v1', 'Deployment') + selector + pod(''),
  );
  await writeFile(
    join(chart, 'templates/agent.yaml'),
    head('apps/v1', 'DaemonSet') + selector + pod('      hostNetwork: true\n'),
  );
  await writeFile(
    join(chart, 'templates/migrate.yaml'),
    `${head('batch/v1', 'Job', '  annotations: {helm.sh/hook: pre-install}\n')}  template:\n${pod('      restartPolicy: Never\n')}`,
  );
  return chart;
}

const isInjected = (yaml: string, kind: string): boolean =>
  names(podOf(byKind(yaml, kind)).initContainers).includes('azwi-proxy');

describe('Helm', () => {
  withTool(
    'helm3',
    '3 takes inject as its post-renderer, a chart with hostNetwork included',
    async (helm) => {
      const renderer = join(folder, 'inject.sh');
      await writeFile(renderer, `#!/bin/sh\nexec proxy inject ${imageFlags.join(' ')}\n`);
      await chmod(renderer, 0o755);
      const { stdout } = await run(helm, [
        'template',
        'shop',
        await makeChart(),
        '--post-renderer',
        renderer,
      ]);
      expect(['Deployment', 'DaemonSet', 'Job'].map((kind) => isInjected(stdout, kind))).toEqual([
        true,
        false,
        false,
      ]);
    },
  );

  withTool(
    'helm3',
    '3 does not give hooks to a post-renderer, and inject says so',
    async (helm) => {
      const { stdout: rendered } = await run(helm, ['template', 'shop', await makeChart()]);
      const { stdout, stderr } = await runInjectOn('inject', imageFlags, { stdin: rendered });
      expect(stderr).toMatch(
        /Job shop-job: note: a hook of a Helm chart: .*post-renderer in Helm 3/,
      );
      expect(isInjected(stdout, 'Job')).toBe(true);
    },
  );

  withTool('helm4', '4 takes the plugin as its post-renderer, for hooks too', async (helm) => {
    const home = await mkdtemp(join(folder, 'helm4-'));
    const env = { HELM_DATA_HOME: home, HELM_CONFIG_HOME: home, HELM_CACHE_HOME: home };
    await run(helm, ['plugin', 'install', join(root, 'deploy/helm')], env);
    const args = imageFlags.map((flag) => `--post-renderer-args=${flag}`);
    const { stdout } = await run(
      helm,
      ['template', 'shop', await makeChart(), '--post-renderer', 'imds-proxy', ...args],
      env,
    );
    expect(['Deployment', 'DaemonSet', 'Job'].map((kind) => isInjected(stdout, kind))).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe("Argo CD's plugin", () => {
  const read = async () =>
    parse(await readFile(join(root, 'deploy/argo-cd/plugin.yaml'), 'utf8')).spec.generate;

  async function generate(cwd: string, PATH: string): Promise<Ran> {
    await writeFile(join(cwd, 'inject.yaml'), 'proxy-image: p\ninit-image: i\n');
    const { command, args } = await read();
    const [file, ...rest] = command;
    const env = { PATH, ARGOCD_APP_NAME: 'shop', ARGOCD_APP_NAMESPACE: 'shop' };
    return run(file, [...rest, ...args], env, cwd);
  }

  withTool('helm3', 'renders and injects a chart, hooks included', async (helm) => {
    const { stdout, stderr } = await generate(await makeChart(), await programs({ helm }));
    expect(['Deployment', 'DaemonSet', 'Job'].map((kind) => isInjected(stdout, kind))).toEqual([
      true,
      false,
      true,
    ]);
    expect(stderr).toContain('hostNetwork is true');
  });

  withTool('kustomize', 'builds and injects a kustomization', async (kustomize) => {
    const app = await withComponent('deploy/component', []);
    await writeFile(join(app, 'kustomization.yaml'), 'resources: [workloads.yaml]\n');
    await writeFile(join(app, 'workloads.yaml'), stringify(workload('apps/v1', 'Deployment', own)));
    const { stdout } = await generate(app, await programs({ kustomize }));
    expect(isInjected(stdout, 'Deployment')).toBe(true);
  });

  it('injects plain manifests, and fails with the error in them', async () => {
    const app = await mkdtemp(join(folder, 'plain-'));
    const text = stringify(workload('apps/v1', 'Deployment', own));
    await writeFile(join(app, 'web.yaml'), text);
    await rm(join(app, 'inject.yaml'), { force: true });
    const { stdout } = await generate(app, await programs({}));
    expect(isInjected(stdout, 'Deployment')).toBe(true);
    await writeFile(join(app, 'web.yaml'), text.replace('name: app\n', 'name: azwi-proxy\n'));
    await expect(generate(app, await programs({}))).rejects.toThrow(
      /container name azwi-proxy is taken/,
    );
  });
});
