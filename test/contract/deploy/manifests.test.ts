import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { MIN_MEMORY_LIMIT_BYTES } from '../../../src/proxy/process/memory.ts';
import { metadataAddress, proxyGid, proxyUid } from '../../../src/shared/redirect-contract.ts';
import { findTypeFaults } from '../../support/kubernetes-types.ts';

const folder = join(import.meta.dirname, '../../../deploy');

interface Container {
  readonly name: string;
  readonly image: string;
  readonly restartPolicy?: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources?: { readonly limits?: Readonly<Record<string, string>> };
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly startupProbe?: unknown;
  readonly lifecycle?: unknown;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers?: readonly Container[];
  readonly volumes?: readonly { readonly name: string }[];
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: { readonly name: string };
  readonly spec?: { readonly template?: { readonly spec: PodSpec } };
}

const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
  .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
  .sort();

function read(file: string): readonly Manifest[] {
  return parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => {
    expect(document.errors, file).toEqual([]);
    return document.toJS();
  });
}

/** Values and patches, which are not objects of the API, and the kinds that others have added to it. */
const notOfTheApi = [
  'argo-cd/plugin.yaml',
  'argo-cd/repo-server-patch.yaml',
  'helm/plugin.yaml',
  'monitoring/rules.yaml',
  'monitoring/scrape-config.yaml',
  'webhook/helm-values.yaml',
  'webhook/config-patch.yaml',
];
/** JSON patches: kustomize applies them in test/contract/inject/tools.test.ts. */
const isJsonPatch = (file: string): boolean => /\/(?:rollout|environment[\w-]*)\.yaml$/.test(file);
const added =
  /^(kustomize\.config\.k8s\.io|kustomize\.toolkit\.fluxcd\.io|imds-proxy\.example|monitoring\.coreos\.com)\//;

describe('the manifests in deploy', () => {
  it('are found', () => {
    expect(files).toEqual([
      'argo-cd/plugin.yaml',
      'argo-cd/repo-server-patch.yaml',
      'component/classic/kustomization.yaml',
      'component/classic/rollout.yaml',
      'component/classic/sidecar.yaml',
      'component/cron-job.yaml',
      'component/kustomization.yaml',
      'component/no-redirect/cron-job.yaml',
      'component/no-redirect/environment-cron-job.yaml',
      'component/no-redirect/environment.yaml',
      'component/no-redirect/kustomization.yaml',
      'component/no-redirect/rollout.yaml',
      'component/no-redirect/sidecar.yaml',
      'component/rollout.yaml',
      'component/sidecar.yaml',
      'example/deployment.yaml',
      'example/kustomization.yaml',
      'flux/kustomization.yaml',
      'helm/plugin.yaml',
      'identity-binding/deployment.yaml',
      'identity-binding/rbac.yaml',
      'krm/deployment.yaml',
      'krm/inject.yaml',
      'krm/kustomization.yaml',
      'manual/classic.yaml',
      'manual/job.yaml',
      'manual/native-sidecar.yaml',
      'monitoring/ama-metrics-prometheus-config.yaml',
      'monitoring/pod-monitor.yaml',
      'monitoring/prometheus-rules.yaml',
      'monitoring/rules.yaml',
      'monitoring/scrape-config.yaml',
      'network-policy.yaml',
      'policies/inject-v1beta1.yaml',
      'policies/inject.yaml',
      'policies/mutating-admission-policy-v1beta1.yaml',
      'policies/mutating-admission-policy.yaml',
      'webhook/config-patch.yaml',
      'webhook/deployment.yaml',
      'webhook/helm-values.yaml',
    ]);
  });

  it.each(files.filter((file) => !notOfTheApi.includes(file) && !isJsonPatch(file)))(
    '%s has only fields that the Kubernetes API knows',
    (file) => {
      const manifests = read(file).filter(({ apiVersion }) => !added.test(apiVersion));
      expect(manifests.flatMap((manifest) => findTypeFaults(manifest))).toEqual([]);
    },
  );

  it('a field that the API does not know would be found', () => {
    const [, deployment] = read('manual/native-sidecar.yaml');
    const spoilt = structuredClone(deployment) as { spec: { template: { spec: object } } };
    spoilt.spec.template.spec = { ...spoilt.spec.template.spec, initContainer: [] };
    expect(findTypeFaults(spoilt)).toEqual([
      'Deployment.spec.template.spec.initContainer: unknown field',
    ]);
  });

  it('the webhook gets both images, in the chart and in the patch', () => {
    const [values] = read('webhook/helm-values.yaml') as unknown as [
      { extraEnv: { name: string; value: string }[] },
    ];
    const [patch] = read('webhook/config-patch.yaml') as unknown as [
      { data: Record<string, string> },
    ];
    const images = {
      PROXY_IMAGE: expect.stringContaining('/proxy:'),
      PROXY_INIT_IMAGE: expect.stringContaining('/proxy-init:'),
    };
    expect(Object.fromEntries(values.extraEnv.map(({ name, value }) => [name, value]))).toEqual(
      images,
    );
    expect(patch.data).toEqual(images);
  });
});

const pods = files.flatMap((file) =>
  notOfTheApi.includes(file) || isJsonPatch(file)
    ? []
    : read(file).flatMap(({ kind, spec }) => {
        const pod = spec?.template?.spec;
        return pod?.initContainers?.some(({ name }) => name === 'azwi-proxy-init')
          ? [{ file, kind, pod }]
          : [];
      }),
);

describe.each(pods)('$file, the pod of its $kind', ({ file, pod }) => {
  const inits = pod.initContainers ?? [];
  const every = [...inits, ...(pod.containers ?? [])];
  const init = inits[0];
  const proxy = every.find(({ name }) => name === 'azwi-proxy');
  const isClassic = file.includes('classic');

  it('has the init first, and the proxy before everything else that can wait for it', () => {
    expect(init?.name).toBe('azwi-proxy-init');
    if (isClassic) expect(pod.containers?.[0]).toBe(proxy);
    else expect(inits[1]).toBe(proxy);
  });

  it('waits for the proxy: by a probe as a native sidecar, by a hook as a classic one', () => {
    expect(proxy?.restartPolicy).toBe(isClassic ? undefined : 'Always');
    expect(proxy?.[isClassic ? 'lifecycle' : 'startupProbe']).toBeDefined();
    expect(JSON.stringify([proxy?.lifecycle, proxy?.startupProbe])).toContain(
      '["/proxy","--proxy-port=8000","--probe"]',
    );
  });

  it('gives each no more than it needs, and the proxy the user that the redirect exempts', () => {
    expect(init?.securityContext).toMatchObject({
      runAsUser: 0,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
    });
    expect(init?.securityContext).not.toHaveProperty('privileged', true);
    expect(proxy?.securityContext).toMatchObject({
      runAsUser: proxyUid,
      runAsGroup: proxyGid,
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('leaves the proxy the memory that is supported', () => {
    const [, mebibytes = '0'] = /^(\d+)Mi$/.exec(proxy?.resources?.limits?.['memory'] ?? '') ?? [];
    expect(Number(mebibytes) * 2 ** 20).toBeGreaterThanOrEqual(MIN_MEMORY_LIMIT_BYTES);
  });

  it('mounts only volumes that there are, and the token where its variable says', () => {
    const mounts = proxy?.volumeMounts ?? [];
    expect(mounts.map(({ name }) => name)).toEqual((pod.volumes ?? []).map(({ name }) => name));
    const token = proxy?.env?.find(({ name }) => name === 'AZURE_FEDERATED_TOKEN_FILE')?.value;
    expect(mounts.every(({ mountPath }) => token?.startsWith(`${mountPath}/`))).toBe(true);
  });
});

it('the network policy lets forwarded paths through to the metadata service', () => {
  expect(JSON.stringify(read('network-policy.yaml'))).toContain(`${metadataAddress}/32`);
});
