import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { useKubernetes } from '../../support/kubernetes.ts';
import { toText } from '../../support/kubernetes-cluster.ts';
import {
  hasNativeSidecar,
  type Manifest,
  podSpecOf,
  readManifests,
  toClassic,
} from '../../support/kubernetes-manifest.ts';

const kubernetes = useKubernetes();
const { cluster, isCurrent } = kubernetes;
/** As this API server can have it. */
const toKnown = (manifest: Manifest): Manifest => (isCurrent ? manifest : toClassic(manifest));
const root = join(import.meta.dirname, '../../..');

function findFiles(folder: string, suffix: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** What a real API server says against objects, which it does not keep; nothing if it takes them. */
async function findFaults(manifests: readonly Manifest[]): Promise<string> {
  const args = ['apply', '--dry-run=server', '--validate=true', '--filename=-'];
  try {
    await cluster.kubectl(args, toText(manifests));
    return '';
  } catch (error) {
    return String(error);
  }
}

/** No objects of the API, so that there is nobody to ask here. */
const noObjects = [
  'deploy/argo-cd/plugin.yaml',
  'deploy/argo-cd/repo-server-patch.yaml',
  'deploy/example/kustomization.yaml',
  'deploy/flux/kustomization.yaml',
  'deploy/helm/plugin.yaml',
  'deploy/krm/inject.yaml',
  'deploy/krm/kustomization.yaml',
  'deploy/monitoring/rules.yaml',
  'deploy/monitoring/scrape-config.yaml',
  'deploy/webhook/config-patch.yaml',
  'deploy/webhook/helm-values.yaml',
];
/** Kinds that this API server does not have: newer ones, and those of others. */
const unknownKinds = [
  'deploy/monitoring/pod-monitor.yaml',
  'deploy/monitoring/prometheus-rules.yaml',
  'deploy/policies/inject-v1beta1.yaml',
  'deploy/policies/mutating-admission-policy-v1beta1.yaml',
  ...(isCurrent
    ? []
    : ['deploy/policies/inject.yaml', 'deploy/policies/mutating-admission-policy.yaml']),
];
/** A patch, which is complete only together with what it is applied to. */
const patch = 'deploy/component/sidecar.yaml';
const files = findFiles('deploy', '.yaml').filter(
  (file) =>
    // Patches of kustomize; test/contract/inject/tools.test.ts applies them.
    !file.startsWith('deploy/component/') && ![...noObjects, ...unknownKinds].includes(file),
);

describe('an API server takes every object of', () => {
  beforeAll(() => kubernetes.createAccounts({ shop: [] }));

  it.each(files)('%s', async (file) => {
    const manifests = readManifests(file);
    expect(await findFaults(manifests.map(toKnown))).toBe('');
    if (isCurrent || !manifests.some(hasNativeSidecar)) return;
    // All that is against it as it stands is what makes the sidecar a native one.
    const faults = (await findFaults(manifests)).match(/unknown field "\w+" in [\w.]+/g);
    expect(new Set(faults)).toEqual(
      new Set(['unknown field "restartPolicy" in io.k8s.api.core.v1.Container']),
    );
  });

  it(`${patch}, applied to deploy/example`, async () => {
    const [sidecar] = readManifests(patch);
    const [example] = readManifests('deploy/example/deployment.yaml');
    if (sidecar === undefined || example === undefined) throw new Error('a file is empty');
    const patched = structuredClone(example);
    const inits = podSpecOf(sidecar)?.initContainers ?? [];
    podSpecOf(patched)?.initContainers?.unshift(...inits);
    expect(hasNativeSidecar(patched)).toBe(true);
    expect(await findFaults([toKnown(patched)])).toBe('');
  });

  it.each(unknownKinds)('%s: not of this version, whose kinds it does not have', async (file) => {
    expect(await findFaults(readManifests(file))).toMatch(
      /no matches for kind|ensure CRDs are installed first/,
    );
  });

  it('a field that it does not know would be found', async () => {
    const [, deployment] = readManifests('deploy/manual/classic.yaml');
    if (deployment === undefined) throw new Error('the file has no Deployment');
    const spoilt = structuredClone(deployment);
    Object.assign(podSpecOf(spoilt)?.containers[0] ?? {}, { imagePolicy: 'Never' });
    expect(await findFaults([spoilt])).toContain('unknown field "imagePolicy"');
  });
});

describe('an API server takes what `inject` writes', () => {
  const folder = 'test/fixtures/inject';
  const cases = findFiles(folder, 'output.yaml').map((file) => file.split('/').at(-2) ?? '');

  it('the fixtures are found', () => {
    expect(cases).toContain('every-kind');
  });

  it.each(cases)('%s', async (name) => {
    const output = readManifests(join(folder, name, 'output.yaml'))
      // Somebody else's, which looks like a Job.
      .filter(({ apiVersion }) => !apiVersion.includes('.example/'))
      .map(toKnown);
    // Pods are refused whose ServiceAccount is not there.
    for (const manifest of output) {
      const { namespace = 'default' } = manifest.metadata ?? {};
      const account = podSpecOf(manifest)?.serviceAccountName;
      await kubernetes.createAccounts({ [namespace]: account === undefined ? [] : [account] });
    }
    expect(await findFaults(output)).toBe('');
  });
});
