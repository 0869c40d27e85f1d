import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { applyPolicy, type PolicySpec } from '../../support/cel.ts';
import { findTypeFaults } from '../../support/kubernetes-types.ts';

const root = join(import.meta.dirname, '../../..');
const { cases } = JSON.parse(
  readFileSync(join(root, 'test/fixtures/inject/webhook-pods.json'), 'utf8'),
) as { readonly cases: readonly { name: string; pod: V1Pod; injected: V1Pod }[] };
const [policy] = parseAllDocuments(
  readFileSync(join(root, 'deploy/policies/mutating-admission-policy.yaml'), 'utf8'),
).map((document) => document.toJS() as { readonly spec: PolicySpec });
if (policy === undefined) throw new Error('the file has no policy');
const { spec } = policy;

const namesOf = (list: readonly V1Container[] | undefined): readonly string[] =>
  (list ?? []).map(({ name }) => name);
const ours = {
  'azwi-proxy': 'registry.example/imds-proxy/proxy:0.1.0',
  'azwi-proxy-init': 'registry.example/imds-proxy/proxy-init:0.1.0',
};

describe.each(cases)('the admission policy on $name', ({ pod, injected }) => {
  const before = injected.spec;
  const after = applyPolicy(spec, injected).spec;
  const every = [...(after?.initContainers ?? []), ...(after?.containers ?? [])];

  it('puts the init first and leaves the order otherwise', () => {
    const others = namesOf(before?.initContainers).filter((name) => name !== 'azwi-proxy-init');
    expect(namesOf(after?.initContainers)).toEqual(['azwi-proxy-init', ...others]);
    expect(namesOf(after?.containers)).toEqual(namesOf(before?.containers));
  });

  it('replaces the two images and nothing else but the user of the proxy', () => {
    for (const { name, image, securityContext } of every) {
      const original = [...(before?.initContainers ?? []), ...(before?.containers ?? [])].find(
        (each) => each.name === name,
      );
      expect(image).toBe(
        Object.hasOwn(ours, name) ? ours[name as keyof typeof ours] : original?.image,
      );
      expect(securityContext).toEqual(
        name === 'azwi-proxy'
          ? { ...original?.securityContext, runAsUser: 1501 }
          : original?.securityContext,
      );
    }
  });

  it('yields a pod of the API, and nothing new when it is applied again', () => {
    const once = applyPolicy(spec, injected);
    expect(findTypeFaults(once)).toEqual([]);
    expect(applyPolicy(spec, once)).toEqual(once);
  });

  it('leaves the pod alone before the webhook has added anything', () => {
    expect(applyPolicy(spec, pod)).toEqual(pod);
  });
});
