import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { checkPolicy, hintPolicy } from './check-policy.ts';
import { injectPolicy } from './inject-policy.ts';

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
    (['v1', 'v1beta1'] as const).map((version) => [
      `deploy/policies/inject${version === 'v1' ? '' : `-${version}`}.yaml`,
      comment(`Injects the proxy into pods that ask for it, without a webhook: Kubernetes ${versions[version]}.
docs/injection-policy.md says how to use it. Set the first variables, from proxyImage to tokenProxyCa.
Written by npm run docs from build/policies and src/inject/pod/containers.ts.`) +
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
        ]
          .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
          .join('---\n'),
    ]),
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
