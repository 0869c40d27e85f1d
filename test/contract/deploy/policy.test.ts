/** What the policy for the webhook's pods makes of the recorded ones, by the API server's own code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { init, proxy, resources } from '../../../build/policies/containers.ts';
import { version } from '../../../build/version.ts';
import { findTypeFaults } from '../../support/kubernetes-types.ts';
import { evaluationObstacle, readPolicy } from '../../support/policy-evaluation.ts';
import { createWorld, toPod } from '../../support/policy-world.ts';
import { describeUnless } from '../../support/skip.ts';

const root = join(import.meta.dirname, '../../..');
const { cases } = JSON.parse(
  readFileSync(join(root, 'test/fixtures/inject/webhook-pods.json'), 'utf8'),
) as { readonly cases: readonly { name: string; pod: V1Pod; injected: V1Pod }[] };
const file = 'deploy/policies/mutating-admission-policy.yaml';
const images: Readonly<Record<string, string>> = {
  'azwi-proxy': `registry.example/imds-proxy/proxy:${version}`,
  'azwi-proxy-init': `registry.example/imds-proxy/proxy-init:${version}`,
};
const atOnce = { name: 'IMDS_PROXY_DRAIN_QUIET', value: '0s' };

const namesOf = (list: readonly V1Container[] | undefined): readonly string[] =>
  (list ?? []).map(({ name }) => name);
const containersOf = ({ spec }: V1Pod): readonly V1Container[] => [
  ...(spec?.initContainers ?? []),
  ...(spec?.containers ?? []),
];

/** Ours as `inject` writes them, without their images. */
const described: Readonly<Record<string, object>> = Object.fromEntries(
  [init, proxy].map(({ name, securityContext }) => [
    name,
    {
      securityContext: { ...Object(securityContext), seccompProfile: { type: 'RuntimeDefault' } },
      resources,
    },
  ]),
);

describeUnless(evaluationObstacle, 'the policy on the webhook’s pods', () => {
  const world = createWorld(readPolicy(file));
  const results = cases.map((each) => ({
    ...each,
    swapped: world.add(each.injected),
    early: world.add(each.pod),
  }));
  const label = { 'azure.workload.identity/use': 'true' };
  const asks = { 'azure.workload.identity/inject-proxy-sidecar': 'true' };
  const named = (...names: readonly string[]): V1Container[] =>
    names.map((name) => ({ name, image: 'any' }));
  const add = (annotations: Readonly<Record<string, string>>, ...inits: readonly string[]) =>
    world.add({
      ...toPod(),
      metadata: { name: 'app', labels: label, annotations },
      spec: {
        serviceAccountName: 'wi',
        initContainers: named(...inits),
        containers: named('app'),
      },
    });
  const ours = ['azwi-proxy-init', 'azwi-proxy'];
  const byInject = [
    add({}, ...ours),
    add({ ...asks, 'workload-identity-imds-proxy/injected': '{}' }, ...ours),
  ];
  const orders = [
    ['a', 'azwi-proxy', 'azwi-proxy-init'],
    ['azwi-proxy-init', 'a', 'azwi-proxy'],
    ['a', 'azwi-proxy-init', 'azwi-proxy'],
    ['azwi-proxy', 'azwi-proxy-init', 'a'],
    ['azwi-proxy', 'a', 'azwi-proxy-init'],
    ['azwi-proxy-init', 'azwi-proxy', 'a'],
  ].map((order) => ({ order, result: add(asks, ...order) }));
  const again = createWorld(readPolicy(file));
  const second = new Map<string, ReturnType<typeof again.add>>();
  const podOf = (result: ReturnType<typeof world.add>): V1Pod => {
    expect(result().denied).toBeUndefined();
    return result().pod ?? expect.fail('no pod');
  };
  beforeAll(async () => {
    await world.run();
    for (const { name, swapped } of results) second.set(name, again.add(podOf(swapped)));
    await again.run();
  });

  describe.each(results)('$name', ({ name, pod, injected, swapped, early }) => {
    it('has the init first, and the order otherwise', () => {
      const { spec } = podOf(swapped);
      const others = namesOf(injected.spec?.initContainers).filter(
        (one) => one !== 'azwi-proxy-init',
      );
      expect(namesOf(spec?.initContainers)).toEqual(['azwi-proxy-init', ...others]);
      expect(namesOf(spec?.containers)).toEqual(namesOf(injected.spec?.containers));
    });

    it('has our images, resources and security contexts, and ends at once if it is native', () => {
      for (const container of containersOf(podOf(swapped))) {
        const original = containersOf(injected).find((one) => one.name === container.name);
        const image = images[container.name];
        if (image === undefined) {
          expect(container).toEqual(original);
          continue;
        }
        const isNative = container.restartPolicy === 'Always';
        expect(container).toEqual({
          ...original,
          ...described[container.name],
          ...(isNative && { env: [...(original?.env ?? []), atOnce] }),
          image,
        });
      }
    });

    it('is a pod of the API, and the same when the policy runs again', () => {
      const result = podOf(swapped);
      expect(findTypeFaults({ ...result, apiVersion: 'v1', kind: 'Pod' })).toEqual([]);
      expect(second.get(name)?.().pod?.spec).toEqual(result.spec);
    });

    it('is left alone before the webhook has added anything', () => {
      expect(namesOf(podOf(early).spec?.initContainers)).toEqual(namesOf(pod.spec?.initContainers));
    });
  });

  it('leaves the containers of `inject` alone, with and without the annotation', () => {
    for (const result of byInject) {
      expect(containersOf(podOf(result)).map(({ image }) => image)).toEqual(['any', 'any', 'any']);
    }
  });

  it.each(orders)('puts $order in order', ({ result }) => {
    expect(namesOf(podOf(result).spec?.initContainers)).toEqual([...ours, 'a']);
  });

  it('gives containers without environment and security context both', async () => {
    const alone = createWorld(readPolicy(file));
    const result = alone.add({
      ...toPod(),
      spec: {
        initContainers: [{ name: 'azwi-proxy', image: 'any', restartPolicy: 'Always' }],
        containers: named('app'),
      },
    });
    await alone.run();
    expect(result().pod?.spec?.initContainers?.[0]).toMatchObject({
      ...described['azwi-proxy'],
      env: [atOnce],
    });
  });

  it('adds the secrets for the images where the webhook has injected, once', async () => {
    const alone = createWorld(readPolicy(file, { pullSecrets: '["mirror", "own"]' }));
    const [first] = results;
    const { pod, injected } = first ?? expect.fail('no pod');
    const own = { ...injected, spec: { ...injected.spec, imagePullSecrets: [{ name: 'own' }] } };
    const [early, late, present] = [pod, injected, own as V1Pod].map((each) => alone.add(each));
    await alone.run();
    const secretsOf = (result: typeof early) => result?.().pod?.spec?.imagePullSecrets;
    expect([early, late, present].map(secretsOf)).toEqual([
      undefined,
      [{ name: 'mirror' }, { name: 'own' }],
      [{ name: 'own' }, { name: 'mirror' }],
    ]);
  });

  it('gives the proxy, native or classic, the seccomp profile of the setting', async () => {
    const localhostProfile = 'operator/imds-proxy.json';
    const other = createWorld(
      readPolicy(file, { seccompProfile: JSON.stringify(localhostProfile) }),
    );
    const pods = cases.map(({ injected }) => other.add(injected));
    await other.run();
    for (const pod of pods) {
      const profiles = containersOf(podOf(pod))
        .filter(({ name }) => ours.includes(name))
        .map(({ name, securityContext }) => [name, securityContext?.seccompProfile]);
      expect(Object.fromEntries(profiles)).toEqual({
        'azwi-proxy': { type: 'Localhost', localhostProfile },
        'azwi-proxy-init': { type: 'RuntimeDefault' },
      });
    }
  });

  it('does the same as v1beta1', async () => {
    const older = createWorld(readPolicy(file.replace('.yaml', '-v1beta1.yaml')));
    const [first] = results;
    const result = older.add(first?.injected ?? expect.fail('no pod'));
    await older.run();
    expect(result().pod?.spec).toEqual(first?.swapped().pod?.spec);
  });
});
