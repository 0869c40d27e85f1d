/** Pods are matched with identities as AAD Pod Identity matches them. */
import { describe, expect, it } from 'vitest';
import { binding, identity, mic, planOf, pod, toYaml, workload } from '../../support/migrate.ts';

const web = workload('web', 'web');
const here = [identity('reader'), binding('web', 'reader', 'web')];
const other = { namespace: 'other' };
const there = [identity('reader', other), binding('web', 'reader', 'web', other)];

async function matched(
  objects: readonly object[],
  argv?: readonly string[],
): Promise<{ readonly names: readonly string[]; readonly codes: readonly string[] }> {
  const { workload: found } = await planOf(toYaml(...objects), argv);
  return {
    names: found.identities.map(({ namespace, name }) => `${namespace}/${name}`),
    codes: found.findings.filter(({ level }) => level !== 'note').map(({ code }) => code),
  };
}

const nmi = (args: readonly string[], labels: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'nmi', namespace: 'kube-system', labels },
  spec: {
    template: {
      spec: {
        containers: [
          { name: 'nmi', image: 'mcr.microsoft.com/k8s/aad-pod-identity/nmi:1.3', args },
        ],
      },
    },
  },
});

const forced = {
  '--forceNamespaced': mic(['--forceNamespaced']),
  '-forceNamespaced=true': mic(['-forceNamespaced=true']),
  'the variable FORCENAMESPACED': mic([], 'true'),
  "NMI's managed mode": nmi(['--node=$(NODE_NAME)', '--operation-mode=managed']),
  'the add-on of AKS': nmi(['--node=$(NODE_NAME)'], { 'kubernetes.azure.com/managedby': 'aks' }),
};

describe('a binding in the namespace of the pod', () => {
  it('matches by its selector, and only by all of it', async () => {
    expect(await matched([...here, web])).toEqual({ names: ['shop/reader'], codes: [] });
    for (const label of ['Web', 'web-2', 'we']) {
      expect(await matched([...here, workload('web', label)])).toEqual({
        names: [],
        codes: ['label-without-binding'],
      });
    }
  });

  it('takes its identity from its own namespace', async () => {
    const objects = [identity('reader', other), binding('web', 'reader', 'web'), web];
    expect(await matched(objects)).toEqual({ names: [], codes: ['binding-without-identity'] });
  });
});

describe('a binding in another namespace', () => {
  it('is attention while nothing says how AAD Pod Identity runs', async () => {
    expect(await matched([...there, web])).toEqual({
      names: ['other/reader'],
      codes: ['binding-in-other-namespace'],
    });
  });

  it('is left out beside one in the namespace of the pod, with a note', async () => {
    const writer = [identity('writer', other), binding('w', 'writer', 'web', other)];
    expect(await matched([...here, ...writer, web])).toEqual({ names: ['shop/reader'], codes: [] });
    const { workload: found } = await planOf(toYaml(...here, ...writer, web));
    expect(found.findings[0]).toMatchObject({
      code: 'binding-also-elsewhere',
      message: expect.stringContaining('(other/w)'),
    });
    expect(await matched([...here, ...writer, web], ['--cluster-scoped'])).toEqual({
      names: ['shop/reader', 'other/writer'],
      codes: ['several-identities'],
    });
  });

  it('in fifty namespaces is one finding, with the first names', async () => {
    const many = Array.from({ length: 50 }, (_, index) => {
      const namespace = `team-${String(index).padStart(2, '0')}`;
      return [identity('reader', { namespace }), binding('b', 'reader', 'web', { namespace })];
    }).flat();
    for (const argv of [[], ['--cluster-scoped']]) {
      const plan = await planOf(toYaml(...many, web), argv);
      expect(plan.workload.identities.map(({ namespace }) => namespace)).toEqual(['team-00']);
      expect(plan.workload.findings.length).toBeLessThan(5);
      expect(plan.workload.findings[0]?.message).toMatch(/team-0[01].*, .* and 4[45] more/);
    }
  });

  it('is as good as any with --cluster-scoped', async () => {
    expect(await matched([...there, web], ['--cluster-scoped'])).toEqual({
      names: ['other/reader'],
      codes: [],
    });
  });

  it('is as good as any if MIC runs without forceNamespaced', async () => {
    for (const args of [[], ['--forceNamespaced=false']]) {
      expect(await matched([...there, web, mic(args)])).toEqual({
        names: ['other/reader'],
        codes: [],
      });
    }
  });

  it.each(Object.entries(forced))('does not match with %s', async (_, component) => {
    expect(await matched([...there, web, component])).toEqual({
      names: [],
      codes: ['binding-not-matched'],
    });
    // A binding in the pod's namespace does.
    expect(await matched([...here, ...there, web, component])).toEqual({
      names: ['shop/reader'],
      codes: [],
    });
  });

  it('does not match if its identity has the behaviour namespaced', async () => {
    const annotations = { 'aadpodidentity.k8s.io/Behavior': 'namespaced' };
    const objects = [
      identity('reader', { ...other, annotations }),
      binding('web', 'reader', 'web', other),
      web,
    ];
    for (const argv of [[], ['--cluster-scoped']]) {
      expect(await matched(objects, argv)).toEqual({ names: [], codes: ['binding-not-matched'] });
    }
  });
});

describe('assignments', () => {
  const owner = ['ReplicaSet', 'web-6d4cf56db6'] as const;
  const labels = { 'pod-template-hash': '6d4cf56db6' };
  const running = pod('web-6d4cf56db6-a', 'web', { owner, labels });
  const assigned = (namespace: string, name: string): object => ({
    apiVersion: 'aadpodidentity.k8s.io/v1',
    kind: 'AzureAssignedIdentity',
    metadata: { name: `web-6d4cf56db6-a-shop-${name}`, namespace: 'default' },
    spec: {
      azureIdentityRef: identity(name, { namespace }),
      azureBindingRef: binding('b', name, 'web', { namespace }),
      pod: 'web-6d4cf56db6-a',
      podNamespace: 'shop',
    },
  });
  const writer = [identity('writer', other), binding('w', 'writer', 'web', other)];

  it('prove that a binding in another namespace matches', async () => {
    expect(await matched([...there, web, running, assigned('other', 'reader')])).toEqual({
      names: ['other/reader'],
      codes: [],
    });
  });

  it('prove that a binding in another namespace does not match', async () => {
    const objects = [...here, ...writer, web, running];
    expect(await matched([...objects, assigned('shop', 'reader')])).toEqual({
      names: ['shop/reader'],
      codes: [],
    });
  });

  it('give the identities of a pod where the bindings are missing', async () => {
    expect(await matched([web, running, assigned('shop', 'reader')])).toMatchObject({
      names: ['shop/reader'],
      codes: ['assigned-without-binding'],
    });
  });

  it('of other pods mean nothing', async () => {
    const foreign = pod('api-6d4cf56db6-a', undefined, {});
    expect(await matched([...there, web, foreign, assigned('other', 'reader')])).toMatchObject({
      codes: ['binding-in-other-namespace'],
    });
  });
});

describe('several bindings for one label', () => {
  const objects = [
    ...here,
    identity('writer'),
    binding('a', 'writer', 'web'),
    identity('admin'),
    binding('z', 'admin', 'web'),
    web,
  ];
  const defaultOf = async (
    more: readonly object[],
    argv?: readonly string[],
  ): Promise<string | undefined> => {
    const { workload: found } = await planOf(toYaml(...more), argv);
    expect(found.identities.filter((one) => one.default)).toHaveLength(1);
    const main = found.identities.find((one) => one.default);
    return main && `${main.name}: ${main.reason}`;
  };

  it('give all their identities, by name, and the first is the default', async () => {
    expect(await matched(objects)).toEqual({
      names: ['shop/admin', 'shop/reader', 'shop/writer'],
      codes: ['several-identities'],
    });
    expect(await defaultOf(objects)).toBe('admin: name');
  });

  it('the one with the greatest weight is the default', async () => {
    const weighed = [...objects, identity('heavy'), binding('h', 'heavy', 'web', { weight: 2 })];
    expect(await defaultOf(weighed)).toBe('heavy: weight');
  });

  it.each([
    '--default-identity=writer',
    '--default-identity=web=writer',
    '--default-identity=shop/Deployment/web=writer',
    '--default-identity=*/deployment/*=writer',
  ])('%s chooses', async (flag) => {
    expect(await defaultOf(objects, [flag])).toBe('writer: flag');
  });

  it('the last flag that fits chooses, by name or by client ID', async () => {
    const { workload: found } = await planOf(toYaml(...objects));
    const { clientId = '' } = found.identities.find(({ name }) => name === 'reader') ?? {};
    const argv = ['--default-identity=writer', `--default-identity=web=${clientId.toUpperCase()}`];
    expect(await defaultOf(objects, argv)).toBe('reader: flag');
  });

  it('the same binding twice gives its identity once', async () => {
    const twice = [...here, binding('again', 'reader', 'web'), web];
    expect(await matched(twice)).toEqual({ names: ['shop/reader'], codes: [] });
  });
});

describe('labels and selectors that Kubernetes refuses', () => {
  it.each([123, true, 1.5])('%s is understood as its text', async (label) => {
    const objects = [identity('reader'), binding('b', 'reader', label), workload('web', label)];
    const plan = await planOf(toYaml(...objects));
    expect(plan.workload.identities).toHaveLength(1);
    expect(plan.workload.binding).toBe(String(label));
    expect(plan.all.filter(({ code }) => code === 'label-not-text').map(({ fix }) => fix)).toEqual([
      `write selector: "${label}"`,
      `write aadpodidbinding: "${label}"`,
    ]);
  });
});
