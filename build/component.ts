/**
 * Writes deploy/component from the description of the two containers that `inject` uses, so that they never
 * drift apart. A contract test fails when the files differ from what this would write: `npm run docs` brings
 * them up to date.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { parseSettings } from '../src/inject/parse-settings.ts';
import { toInitContainer, toProxyContainer } from '../src/inject/pod/containers.ts';
import type { InjectSettings } from '../src/inject/settings.ts';
import { proxyPort } from '../src/shared/redirect-contract.ts';
import { version } from './version.ts';

const root = join(import.meta.dirname, '..');
const facts = { proxyPort, graceSeconds: undefined };

interface Variant {
  /** Folder below the repository. */
  readonly folder: string;
  readonly flags: Readonly<Record<string, readonly string[]>>;
  readonly about: string;
}

const images = { proxyImage: ['imds-proxy/proxy'], initImage: ['imds-proxy/proxy-init'] };

const variants: readonly Variant[] = [
  {
    folder: 'deploy/component',
    flags: images,
    about: 'Adds the proxy as a native sidecar (Kubernetes 1.29 and newer) and the redirect.',
  },
  {
    folder: 'deploy/component/classic',
    flags: { ...images, classic: ['true'] },
    about: `Adds the proxy as an ordinary container, for clusters before Kubernetes 1.29, and the redirect. Jobs are left
out: they would never complete. Set terminationGracePeriodSeconds and IMDS_PROXY_DRAIN_DEADLINE yourself.`,
  },
  {
    folder: 'deploy/component/no-redirect',
    flags: { proxyImage: images.proxyImage, noRedirect: ['true'], headerSecret: ['imds-proxy'] },
    about: `Adds the proxy alone, for namespaces that refuse NET_ADMIN. Make the Secret imds-proxy first (see
docs/inject.md). The first container of each workload gets the variables that lead SDKs to the proxy, from that
Secret; the build fails if it has envFrom already. For several containers use inject.`,
  },
];

const restart = ['Deployment', 'StatefulSet', 'DaemonSet'];
const label = 'imds-proxy=enabled';

/** The files of the component by their paths below the repository. */
export function renderComponent(): ReadonlyMap<string, string> {
  return new Map(variants.flatMap((variant) => renderVariant(variant)));
}

function renderVariant({ folder, flags, about }: Variant): readonly (readonly [string, string])[] {
  const settings = toSettings(flags);
  const isNative = settings.sidecar === 'native';
  const kinds = isNative ? [...restart, 'Job'] : restart;
  const hasRedirect = settings.initImage !== undefined;
  const patches = [
    { path: 'sidecar.yaml', target: toTarget(kinds.join('|')) },
    ...(isNative ? [{ path: 'cron-job.yaml', target: toTarget('CronJob') }] : []),
    { path: 'rollout.yaml', target: toTarget('Rollout') },
    ...(hasRedirect
      ? []
      : [
          { path: 'environment.yaml', target: toTarget([...kinds, 'Rollout'].join('|')) },
          { path: 'environment-cron-job.yaml', target: toTarget('CronJob') },
        ]),
  ];
  const tags = hasRedirect ? ['proxy', 'proxy-init'] : ['proxy'];
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1alpha1',
    kind: 'Component',
    images: tags.map((name) => ({
      name: `imds-proxy/${name}`,
      newName: `registry.example/imds-proxy/${name}`,
      newTag: version,
    })),
    patches,
  };
  const template = toTemplate(settings);
  const order = `A strategic merge puts new items before present ones: the init comes first, then the proxy.
The target of the patch says which objects are meant; kind and name here are placeholders.`;
  const patch = (path: string, object: object): readonly [string, string] => [
    `${folder}/${path}`,
    comment(`Written by npm run docs from src/inject/pod/containers.ts.\n${order}`) +
      toYaml(object),
  ];
  const workload = (apiVersion: string, kind: string, spec: object): object => ({
    apiVersion,
    kind,
    metadata: { name: 'any' },
    spec,
  });
  return [
    [
      `${folder}/kustomization.yaml`,
      comment(`A component for kustomize. ${about}
It changes the workloads with the label imds-proxy: enabled (on the object itself). The webhook of
azure-workload-identity brings the token. See deploy/example for its use.
Written by npm run docs.`) + toYaml(kustomization),
    ],
    patch('sidecar.yaml', workload('apps/v1', 'Deployment', { template })),
    ...(isNative
      ? [
          patch(
            'cron-job.yaml',
            workload('batch/v1', 'CronJob', { jobTemplate: { spec: { template } } }),
          ),
        ]
      : []),
    rolloutPatch(`${folder}/rollout.yaml`, template),
    ...(hasRedirect
      ? []
      : [
          environmentPatch(`${folder}/environment.yaml`, '/spec/template'),
          environmentPatch(
            `${folder}/environment-cron-job.yaml`,
            '/spec/jobTemplate/spec/template',
          ),
        ]),
  ];
}

/** kustomize does not know the kind, and would replace the lists of a Rollout instead of merging them. */
function rolloutPatch(path: string, { spec }: Template): readonly [string, string] {
  const at = '/spec/template/spec';
  const { initContainers, containers = [] } = spec;
  const inits =
    initContainers.length === 0
      ? []
      : [
          { op: 'test', path: `${at}/initContainers`, value: null },
          { op: 'add', path: `${at}/initContainers`, value: initContainers },
        ];
  return [
    path,
    comment(`Written by npm run docs. kustomize cannot merge lists of a kind that it does not know. The test fails the
build if the Rollout has init containers already; use inject over the result of kustomize build for those.`) +
      toYaml([
        {
          op: 'add',
          path: '/spec/template/metadata/labels/azure.workload.identity~1use',
          value: 'true',
        },
        ...inits,
        ...containers.map((value) => ({ op: 'add', path: `${at}/containers/0`, value })),
      ]),
  ];
}

interface Template {
  readonly metadata: object;
  readonly spec: {
    readonly initContainers: readonly object[];
    readonly containers?: readonly object[];
  };
}

function toTemplate(settings: InjectSettings): Template {
  const { initImage } = settings;
  const variables: [string, { secretKeyRef: { name: string; key: string } }][] =
    settings.header?.kind === 'secretRef'
      ? [
          [
            'IMDS_PROXY_IDENTITY_HEADER',
            { secretKeyRef: { name: settings.header.name, key: settings.header.key } },
          ],
        ]
      : [];
  const proxy = toProxyContainer(settings, facts, new Map(variables));
  const init = initImage === undefined ? [] : [toInitContainer(settings, initImage, facts)];
  return {
    metadata: { labels: { 'azure.workload.identity/use': 'true' } },
    spec:
      settings.sidecar === 'native'
        ? { initContainers: [...init, proxy] }
        : { initContainers: init, containers: [proxy] },
  };
}

function environmentPatch(path: string, template: string): readonly [string, string] {
  const at = `${template}/spec/containers/0/envFrom`;
  return [
    path,
    comment(
      'Written by npm run docs. The test fails the build rather than replacing the present one.',
    ) +
      toYaml([
        { op: 'test', path: at, value: null },
        { op: 'add', path: at, value: [{ secretRef: { name: 'imds-proxy-client' } }] },
      ]),
  ];
}

function toTarget(kind: string): object {
  return { kind, labelSelector: label };
}

function toSettings(flags: Variant['flags']): InjectSettings {
  const parsed = parseSettings(new Map(Object.entries(flags)), undefined);
  if (!parsed.ok) throw new Error(parsed.errors.join('\n'));
  return parsed.value;
}

function comment(text: string): string {
  return text.replaceAll(/^/gm, '# ').concat('\n');
}

function toYaml(value: object): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

if (import.meta.main) {
  for (const [path, text] of renderComponent()) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
