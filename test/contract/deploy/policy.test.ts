/** What the policy for the webhook's pods makes of the recorded ones, by the API server's own code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { beforeAll, describe, expect, it } from 'vitest';
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
  'azwi-proxy': 'registry.example/imds-proxy/proxy:0.1.0',
  'azwi-proxy-init': 'registry.example/imds-proxy/proxy-init:0.1.0',
};
const resources = { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '96Mi' } };

const namesOf = (list: readonly V1Container[] | undefined): readonly string[] =>
  (list ?? []).map(({ name }) => name);
const containersOf = ({ spec }: V1Pod): readonly V1Container[] => [
  ...(spec?.initContainers ?? []),
  ...(spec?.containers ?? []),
];

describeUnless(evaluationObstacle, 'the policy on the webhook’s pods', () => {
  const world = createWorld(readPolicy(file));
  const results = cases.map((each) => ({
    ...each,
    swapped: world.add(each.injected),
    early: world.add(each.pod),
  }));
  const byInject = world.add({
    ...toPod(),
    metadata: { name: 'app', labels: { 'azure.workload.identity/use': 'true' } },
    spec: {
      serviceAccountName: 'wi',
      initContainers: [
        { name: 'azwi-proxy-init', image: 'newer-init' },
        { name: 'azwi-proxy', image: 'newer' },
      ],
      containers: [{ name: 'app', image: 'x' }],
    },
  });
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

    it('has our images, resources, users and seccomp, and no privileged container', () => {
      for (const container of containersOf(podOf(swapped))) {
        const original = containersOf(injected).find((one) => one.name === container.name);
        const image = images[container.name];
        if (image === undefined) {
          expect(container).toEqual(original);
          continue;
        }
        const isInit = container.name === 'azwi-proxy-init';
        expect(container).toEqual({
          ...original,
          image,
          resources,
          securityContext: {
            ...original?.securityContext,
            seccompProfile: { type: 'RuntimeDefault' },
            privileged: false,
            allowPrivilegeEscalation: false,
            runAsUser: isInit ? 0 : 1501,
          },
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

  it('leaves the containers of `inject` alone, whose pods lack the annotation', () => {
    expect(containersOf(podOf(byInject)).map(({ image }) => image)).toEqual([
      'newer-init',
      'newer',
      'x',
    ]);
  });
});
