/** What deploy/policies/inject.yaml makes of pods, by the API server's own code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { renderPolicies } from '../../../build/policies/render.ts';
import { version } from '../../../build/version.ts';
import { runInjectOn } from '../../support/inject.ts';
import { findTypeFaults } from '../../support/kubernetes-types.ts';
import { evaluationObstacle, readPolicy } from '../../support/policy-evaluation.ts';
import { clientId, createWorld, tenantId, toPod, type World } from '../../support/policy-world.ts';
import { describeUnless } from '../../support/skip.ts';

const root = join(import.meta.dirname, '../../..');
const { cases } = JSON.parse(
  readFileSync(join(root, 'test/fixtures/inject/webhook-pods.json'), 'utf8'),
) as {
  readonly cases: readonly {
    readonly name: string;
    readonly serviceAccount: {
      readonly metadata: { readonly annotations?: Record<string, string> };
    };
    readonly pod: V1Pod;
    readonly injected: V1Pod;
  }[];
};
const tokenProxy = 'https://token-proxy.example';
const policies = readPolicy('deploy/policies/inject.yaml', {
  tenantId: JSON.stringify(tenantId),
  tokenProxy: JSON.stringify(tokenProxy),
});
const ours = ['azwi-proxy-init', 'azwi-proxy'];
const isOurs = ({ name }: V1Container): boolean => ours.includes(name);
const namesOf = (list: readonly V1Container[] = []): readonly string[] =>
  list.map(({ name }) => name);

describe('deploy/policies', () => {
  it.each([...renderPolicies()])('%s is what npm run docs writes', (path, text) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(text);
  });

  it.each([...renderPolicies()])('%s fits the API server: no object is above 64 KiB', (path) => {
    for (const object of readPolicy(path)) {
      expect(JSON.stringify(object).length).toBeLessThan(64 * 1024);
    }
  });
});

describeUnless(evaluationObstacle, 'the policy on pods as upstream has them', () => {
  const run = async (choose: (each: (typeof cases)[number]) => V1Pod): Promise<void> => {
    const world = createWorld(policies);
    for (const each of cases) {
      const { annotations = {} } = each.serviceAccount.metadata;
      results.set(each.name, world.add(choose(each), { account: annotations }));
    }
    await world.run();
  };
  const results = new Map<string, ReturnType<World['add']>>();
  const podOf = (name: string): V1Pod => {
    const result = results.get(name)?.();
    expect(result?.denied).toBeUndefined();
    return result?.pod ?? expect.fail('no pod');
  };

  describe.each<[what: string, choose: (each: (typeof cases)[number]) => V1Pod]>([
    ['as the user wrote it', ({ pod }) => pod],
    ['as the webhook of upstream injected it', ({ injected }) => injected],
  ])('%s', (_, choose) => {
    beforeAll(() => run(choose));

    it.each(cases)('$name: gets one pair, the init first', ({ name, pod }) => {
      const { spec } = podOf(name);
      const own = namesOf(pod.spec?.initContainers);
      expect(namesOf(spec?.initContainers)).toEqual([...ours, ...own]);
      expect(namesOf(spec?.containers)).toEqual(namesOf(pod.spec?.containers));
      expect(JSON.stringify(spec)).not.toContain('example.test/proxy');
    });

    it.each(cases)('$name: nothing else of the pod changes', (each) => {
      const strip = ({ spec }: V1Pod): object => ({
        ...spec,
        containers: spec?.containers.filter((one) => !isOurs(one)),
        initContainers: (spec?.initContainers ?? []).filter((one) => !isOurs(one)),
        volumes: (spec?.volumes ?? []).filter(({ name }) => name !== 'imds-proxy-token'),
      });
      // The program writes empty resources out.
      const plain = (pod: V1Pod): unknown =>
        JSON.parse(JSON.stringify(strip(pod)).replaceAll(/,?"resources":\{\}/g, ''));
      expect(plain(podOf(each.name))).toEqual(plain(choose(each)));
    });

    it.each(cases)('$name: is a pod of the API', ({ name }) => {
      expect(findTypeFaults({ apiVersion: 'v1', kind: 'Pod', ...podOf(name) })).toEqual([]);
    });
  });

  it('a second round changes nothing', async () => {
    await run(({ pod }) => pod);
    const first = new Map(cases.map(({ name }) => [name, podOf(name)]));
    await run(({ name }) => first.get(name) ?? expect.fail(name));
    for (const { name } of cases) expect(podOf(name).spec).toEqual(first.get(name)?.spec);
  });

  it('puts containers that do the job in order, wherever they are', async () => {
    const world = createWorld(policies);
    const injected = world.add(toPod({}, { initContainers: [{ name: 'own', image: 'x' }] }));
    await world.run();
    const [init, proxy, own] = injected().pod?.spec?.initContainers ?? [];
    if (init === undefined || proxy === undefined || own === undefined) expect.fail('no pair');
    const again = createWorld(policies);
    const done = [
      [init, proxy, own],
      [init, own, proxy],
      [proxy, init, own],
      [proxy, own, init],
      [own, init, proxy],
      [own, proxy, init],
    ].map((initContainers) => again.add(toPod({}, { ...injected().pod?.spec, initContainers })));
    await again.run();
    for (const result of done) {
      expect(result().denied).toBeUndefined();
      expect(result().pod?.spec).toEqual(injected().pod?.spec);
    }
  });
});

describeUnless(evaluationObstacle, 'the policy and `inject`', () => {
  const images = {
    proxyImage: `registry.example/imds-proxy/proxy:${version}`,
    initImage: `registry.example/imds-proxy/proxy-init:${version}`,
  };
  const own = [
    `--proxy-image=${images.proxyImage}`,
    '--webhook=absent',
    `--client-id=${clientId}`,
    `--tenant-id=${tenantId}`,
  ];
  const init = `--init-image=${images.initImage}`;

  it.each<
    [
      what: string,
      flags: readonly string[],
      settings: Record<string, string>,
      annotations: Record<string, string>,
    ]
  >([
    ['the defaults', [init], {}, {}],
    [
      'a port',
      [init, '--proxy-port=8123'],
      {},
      { 'azure.workload.identity/proxy-sidecar-port': '8123' },
    ],
    ['pass-through off', [init, '--passthrough=off'], { passthrough: '"off"' }, {}],
    ['pass-through of everything', [init, '--passthrough=all'], { passthrough: '"all"' }, {}],
    ['another admin port', [init, '--admin-port=9900'], { adminPort: '9900' }, {}],
    ['another log level', [init, '--log-level=debug'], { logLevel: '"debug"' }, {}],
    [
      'another cloud',
      [init, '--authority-host=https://login.microsoftonline.us'],
      { authorityHost: '"https://login.microsoftonline.us"' },
      {},
    ],
    ['other images', [init, '--image-pull-policy=Always'], { pullPolicy: '"Always"' }, {}],
    [
      'resources',
      [init, '--cpu-request=20m', '--memory-request=48Mi', '--cpu-limit=1', '--memory-limit=128Mi'],
      {
        resources:
          '{"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}}',
      },
      {},
    ],
    [
      'variables',
      [init, '--proxy-env=HTTPS_PROXY=http://p:3128'],
      { proxyEnv: '[{"name": "HTTPS_PROXY", "value": "http://p:3128"}]' },
      {},
    ],
    ['a CA', [init, '--ca-configmap=corporate/ca.crt'], { caConfigMap: '"corporate"' }, {}],
    [
      'pull secrets',
      [init, '--image-pull-secret=a', '--image-pull-secret=b'],
      { pullSecrets: '["a", "b"]' },
      {},
    ],
    [
      'an identity binding',
      [init, '--identity-binding', `--token-proxy=${tokenProxy}`, '--token-proxy-sni=sni.example'],
      { tokenProxy: JSON.stringify(tokenProxy), tokenProxyServerName: '"sni.example"' },
      { 'azure.workload.identity/use-identity-binding': 'true' },
    ],
    [
      'no redirect',
      ['--no-redirect', '--header-secret=imds-proxy'],
      {},
      { 'workload-identity-imds-proxy/redirect': 'false' },
    ],
  ])('make the same pod: %s', async (_, flags, settings, annotations) => {
    const pod = toPod(annotations, {
      initContainers: [{ name: 'migrate', image: 'x' }],
      volumes: [{ name: 'data', emptyDir: {} }],
    });
    const { stdout, stderr, exitCode } = await runInjectOn('inject', [...own, ...flags], {
      stdin: JSON.stringify(pod),
    });
    expect(exitCode, stderr).toBe(0);
    const world = createWorld(
      readPolicy('deploy/policies/inject.yaml', {
        tenantId: JSON.stringify(tenantId),
        ...settings,
      }),
    );
    const result = world.add(pod);
    await world.run();
    expect(result().denied).toBeUndefined();
    expect(withoutEmpty(result().pod?.spec)).toEqual(withoutEmpty(JSON.parse(stdout).spec));
  });
});

/** Go writes empty resources and volume sources; they mean the same. */
function withoutEmpty(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll(/,"resources":\{\}|"resources":\{\},?/g, ''));
}
