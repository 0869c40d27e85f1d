import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { checkPolicy, hintPolicy } from './check-policy.ts';
import { injectPolicy } from './inject-policy.ts';
import { swapPolicy } from './swap-policy.ts';

const group = 'admissionregistration.k8s.io';

/** Kubernetes that has the mutating kinds as this version. */
const versions = { v1: '1.36 and newer', v1beta1: '1.34 and 1.35' } as const;
type Version = keyof typeof versions;

interface Policy {
  readonly kind: string;
  readonly spec: object;
}

function toObjects(
  { kind, spec }: Policy,
  name: string,
  version: Version,
  binding: object,
): readonly object[] {
  const apiVersion = `${group}/${version}`;
  return [
    { apiVersion, kind, metadata: { name }, spec },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata: { name },
      spec: { policyName: name, ...binding },
    },
  ];
}

/** Namespaces of the system, which run before and without this. */
const matchResources = {
  namespaceSelector: {
    matchExpressions: [
      {
        key: 'kubernetes.io/metadata.name',
        operator: 'NotIn',
        values: ['kube-system', 'kube-node-lease'],
      },
    ],
  },
};

/** The files of deploy/policies by their paths below the repository. */
export function renderPolicies(): ReadonlyMap<string, string> {
  return new Map(
    (['v1', 'v1beta1'] as const).flatMap((version) => {
      const suffix = version === 'v1' ? '' : `-${version}`;
      return [
        [`deploy/policies/inject${suffix}.yaml`, renderInject(version)],
        [`deploy/policies/mutating-admission-policy${suffix}.yaml`, renderSwap(version)],
      ] as const;
    }),
  );
}

function renderInject(version: Version): string {
  return render(
    `Injects the proxy into pods that ask for it, without a webhook: Kubernetes ${versions[version]}.
docs/injection-policy.md says how to use it. Set the first variables, from proxyImage to tokenProxyCa.`,
    [
      ...toObjects(injectPolicy, 'imds-proxy-inject', version, {
        // Each ServiceAccount of the pod's namespace.
        paramRef: { selector: {}, parameterNotFoundAction: 'Allow' },
        matchResources,
      }),
      ...toObjects(checkPolicy, 'imds-proxy-check', 'v1', {
        validationActions: ['Deny'],
        matchResources,
      }),
      ...toObjects(hintPolicy, 'imds-proxy-hints', 'v1', {
        validationActions: ['Warn'],
        matchResources,
      }),
    ],
  );
}

function renderSwap(version: Version): string {
  return render(
    `For the pods of an azure-workload-identity webhook whose images nobody can set, such as AKS's managed add-on:
Kubernetes ${versions[version]}. The webhook's two containers get these images and resources, and users, seccomp and privileges
as inject writes them. The init comes first. A native sidecar ends at once when all other containers have ended. Pods
without the webhook's annotation, and those that inject has written, stay as they are. docs/kubernetes.md describes it.
Set the first variables, from proxyImage to resources.`,
    toObjects(swapPolicy, 'imds-proxy', version, {}),
  );
}

function render(about: string, objects: readonly object[]): string {
  return (
    comment(`${about}
Written by npm run docs from build/policies and src/inject/pod/containers.ts.`) +
    objects
      .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
      .join('---\n')
  );
}

function comment(text: string): string {
  return text.replaceAll(/^/gm, '# ').concat('\n');
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '../..');
  for (const [path, text] of renderPolicies()) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
