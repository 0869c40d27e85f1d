/** Each finding, by an input that has it and one beside it that has not. */
import { describe, expect, it } from 'vitest';
import { type FindingCode, findingCodes } from '../../../src/migrate/finding-codes.ts';
import {
  binding,
  clientId,
  dump,
  identity,
  mic,
  planOf,
  pod,
  resourceId,
  serviceAccount,
  toYaml,
  withoutIssuer,
  withoutTenant,
  workload,
} from '../../support/migrate.ts';

interface Case {
  /** Standard input, or files of a folder. */
  readonly input: string | Readonly<Record<string, string>>;
  readonly argv?: readonly string[];
  /** The nearest input without the finding. */
  readonly without: string | Readonly<Record<string, string>>;
  readonly argvWithout?: readonly string[];
}

const reader = identity('reader');
const web = workload('web', 'web');
const bound = [reader, binding('web', 'reader', 'web')];
const shop = toYaml(...bound, web);
const namespace = (name: string, labels: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});
const withSpec = (spec: object): string => toYaml(...bound, workload('web', 'web', { spec }));
const withIdentity = (spec: object): string =>
  toYaml(identity('reader', { spec }), binding('web', 'reader', 'web'), web);
const principal = { type: 1, tenantID: clientId(9), clientPassword: { name: 's', namespace: 'n' } };
const many = (count: number): string =>
  toYaml(...bound, ...Array.from({ length: count }, (_, index) => workload(`web-${index}`, 'web')));
const assigned = (identityName: string, more: object = {}): object => ({
  apiVersion: 'aadpodidentity.k8s.io/v1',
  kind: 'AzureAssignedIdentity',
  metadata: { name: `web-1-shop-${identityName}`, namespace: 'default' },
  spec: {
    azureIdentityRef: identity(identityName),
    azureBindingRef: binding('b', identityName, 'web'),
    pod: 'web-6d4cf56db6-a',
    podNamespace: 'shop',
    nodename: 'node',
    ...more,
  },
  status: { status: 'Assigned' },
});
const made = {
  owner: ['ReplicaSet', 'web-6d4cf56db6'],
  labels: { 'pod-template-hash': '6d4cf56db6' },
} as const;
const running = pod('web-6d4cf56db6-a', 'web', made);
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'azureidentities.aadpodidentity.k8s.io' },
  spec: { group: 'aadpodidentity.k8s.io' },
};
const secretProviderClass = (usePodIdentity: string): object => ({
  apiVersion: 'secrets-store.csi.x-k8s.io/v1',
  kind: 'SecretProviderClass',
  metadata: { name: 'vault', namespace: 'shop' },
  spec: { provider: 'azure', parameters: { usePodIdentity } },
});
const injected = { annotations: { 'workload-identity-imds-proxy/injected': '{"v":1}' } };

const cases: Readonly<Record<FindingCode, Case>> = {
  'label-without-binding': { input: toYaml(...bound, workload('web', 'wbe')), without: shop },
  'label-empty': { input: toYaml(...bound, workload('web', '')), without: shop },
  'label-not-text': {
    input: toYaml(reader, binding('web', 'reader', '123'), workload('web', 123)),
    without: toYaml(reader, binding('web', 'reader', '123'), workload('web', '123')),
  },
  'labels-differ': {
    input: toYaml(...bound, web, pod('web-6d4cf56db6-a', 'old', made)),
    without: toYaml(...bound, web, running),
  },
  'label-only-on-pods': {
    input: toYaml(...bound, workload('web', undefined), running),
    without: toYaml(...bound, web, running),
  },
  'label-misplaced': {
    input: toYaml(...bound, {
      ...workload('web', undefined),
      metadata: { name: 'web', namespace: 'shop', labels: { aadpodidbinding: 'web' } },
    }),
    without: shop,
  },
  'label-selected': {
    input: toYaml(...bound, web, selecting({ aadpodidbinding: 'web' })),
    without: toYaml(...bound, web, selecting({ app: 'web' })),
  },
  'pods-not-replaced': {
    input: toYaml(...bound, workload('web', 'web', injected), running),
    without: toYaml(...bound, workload('web', 'web', injected)),
  },
  'must-be-recreated': {
    input: toYaml(...bound, workload('web', 'web', { kind: 'Job' })),
    without: shop,
  },
  'binding-in-other-namespace': {
    input: toYaml(
      identity('reader', { namespace: 'other' }),
      binding('web', 'reader', 'web', { namespace: 'other' }),
      web,
    ),
    without: shop,
  },
  'binding-also-elsewhere': {
    input: toYaml(
      ...bound,
      identity('writer', { namespace: 'other' }),
      binding('web', 'writer', 'web', { namespace: 'other' }),
      web,
    ),
    without: shop,
  },
  'binding-not-matched': {
    input: toYaml(
      identity('reader', { namespace: 'other' }),
      binding('web', 'reader', 'web', { namespace: 'other' }),
      web,
      mic(['--forceNamespaced']),
    ),
    without: toYaml(
      identity('reader', { namespace: 'other' }),
      binding('web', 'reader', 'web', { namespace: 'other' }),
      web,
      mic([]),
    ),
  },
  'binding-without-identity': {
    input: toYaml(binding('web', 'reader', 'web'), web),
    without: shop,
  },
  'binding-unused': {
    input: toYaml(...bound, binding('api', 'reader', 'api'), web),
    without: shop,
  },
  'assigned-without-binding': {
    input: toYaml(...bound, identity('writer'), web, running, assigned('writer')),
    without: toYaml(...bound, identity('writer'), web, running, assigned('reader')),
  },
  'identity-only-assigned': {
    input: toYaml(web, running, assigned('reader')),
    without: toYaml(...bound, web, running, assigned('reader')),
  },
  'identity-unused': { input: toYaml(...bound, identity('writer'), web), without: shop },
  'identity-shadowed': {
    input: toYaml(
      ...bound,
      identity('reader', { namespace: 'other' }),
      binding('web', 'reader', 'web', { namespace: 'other' }),
      web,
    ),
    argv: ['--cluster-scoped'],
    without: toYaml(
      ...bound,
      identity('writer', { namespace: 'other' }),
      binding('web', 'writer', 'web', { namespace: 'other' }),
      web,
    ),
  },
  'client-id-twice': {
    input: toYaml(
      ...bound,
      identity('twin', { spec: { clientID: clientId(1) } }),
      identity('other-twin', { spec: { clientID: clientId(1) } }),
      web,
    ),
    without: toYaml(...bound, identity('twin'), web),
  },
  'client-id-invalid': { input: withIdentity({ clientID: '<CLIENT_ID>' }), without: shop },
  'client-id-case': {
    input: withIdentity({ clientID: ' AAAAAAAA-1111-1111-1111-111111111111' }),
    without: withIdentity({ clientID: 'aaaaaaaa-1111-1111-1111-111111111111' }),
  },
  'resource-id-invalid': { input: withIdentity({ resourceID: 'reader' }), without: shop },
  'resource-id-space': {
    input: withIdentity({ resourceID: `${resourceId('reader')}\n` }),
    without: shop,
  },
  'old-spelling': {
    input: withIdentity({ clientID: undefined, clientid: clientId(1) }),
    without: shop,
  },
  'type-unknown': { input: withIdentity({ type: 3 }), without: withIdentity({ type: 0 }) },
  'service-principal-secret': { input: withIdentity(principal), without: shop },
  'service-principal-certificate': {
    input: withIdentity({ ...principal, type: 2 }),
    without: withIdentity(principal),
  },
  'auxiliary-tenants': {
    input: withIdentity({ ...principal, auxiliaryTenantIDs: [clientId(8)] }),
    without: withIdentity(principal),
  },
  'tenant-missing': {
    input: withIdentity({ ...principal, tenantID: undefined }),
    argv: withoutTenant,
    without: withIdentity(principal),
    argvWithout: withoutTenant,
  },
  'tenant-invalid': {
    input: withIdentity({ ...principal, tenantID: 'common' }),
    without: withIdentity(principal),
  },
  'tenant-differs': {
    input: withIdentity(principal),
    without: withIdentity({ ...principal, tenantID: '99999999-9999-9999-9999-999999999999' }),
  },
  'several-identities': {
    input: toYaml(...bound, identity('writer'), binding('w', 'writer', 'web'), web),
    without: shop,
  },
  'default-chosen': {
    input: toYaml(...bound, identity('writer'), binding('w', 'writer', 'web'), web),
    argv: ['--default-identity=writer'],
    without: toYaml(...bound, identity('writer'), binding('w', 'writer', 'web'), web),
  },
  'request-by-id': { input: shop, without: withIdentity(principal) },
  'too-many-credentials': { input: many(21), without: many(20) },
  'region-unknown': { input: shop, without: withIdentity(principal) },
  'sdk-not-judged': { input: shop, without: toYaml(...bound) },
  'issuer-missing': { input: shop, argv: withoutIssuer, without: shop },
  'namespace-missing': {
    input: toYaml({ ...reader, metadata: { name: 'reader' } }, web),
    without: shop,
  },
  'service-account-created': {
    input: shop,
    without: withSpec({ serviceAccountName: 'web' }),
  },
  'service-account-shared': {
    input: toYaml(
      ...bound,
      workload('web', 'web', { spec: { serviceAccountName: 'team' } }),
      workload('other', undefined, { spec: { serviceAccountName: 'team' } }),
    ),
    without: toYaml(
      ...bound,
      workload('web', 'web', { spec: { serviceAccountName: 'team' } }),
      workload('other', 'web', { spec: { serviceAccountName: 'team' } }),
    ),
  },
  'service-account-unknown': {
    input: withSpec({ serviceAccountName: 'web' }),
    without: toYaml(
      ...bound,
      serviceAccount('web'),
      workload('web', 'web', { spec: { serviceAccountName: 'web' } }),
    ),
  },
  'service-account-other-identity': {
    input: toYaml(
      ...bound,
      serviceAccount('web', clientId(5)),
      workload('web', 'web', { spec: { serviceAccountName: 'web' } }),
    ),
    without: toYaml(
      ...bound,
      serviceAccount('web'),
      workload('web', 'web', { spec: { serviceAccountName: 'web' } }),
    ),
  },
  'owner-not-in-input': {
    input: toYaml(...bound, running),
    without: toYaml(...bound, web, running),
  },
  'owner-kind-unknown': {
    input: toYaml(...bound, pod('spark-1', 'web', { owner: ['Widget', 'spark'] })),
    without: toYaml(...bound, running),
  },
  'host-network': { input: withSpec({ hostNetwork: true }), without: shop },
  windows: {
    input: withSpec({ nodeSelector: { 'kubernetes.io/os': 'windows' } }),
    without: withSpec({ nodeSelector: { 'kubernetes.io/os': 'linux' } }),
  },
  'virtual-node': {
    input: withSpec({ nodeSelector: { 'kubernetes.io/role': 'virtual-kubelet' } }),
    without: shop,
  },
  'may-run-on-virtual-node': {
    input: withSpec({ tolerations: [{ key: 'virtual-kubelet.io/provider', operator: 'Exists' }] }),
    without: withSpec({ tolerations: [{ key: 'gpu', operator: 'Exists' }] }),
  },
  'proxy-user-taken': {
    input: withSpec({ securityContext: { runAsUser: 1501 } }),
    without: withSpec({ securityContext: { runAsUser: 1502 } }),
  },
  'pod-security': {
    input: toYaml(
      namespace('shop', { 'pod-security.kubernetes.io/enforce': 'baseline' }),
      ...bound,
      web,
    ),
    without: toYaml(
      namespace('shop', { 'pod-security.kubernetes.io/enforce': 'privileged' }),
      ...bound,
      web,
    ),
  },
  'not-injectable': {
    input: withSpec({
      containers: [{ name: 'app', image: 'x', ports: [{ containerPort: 8000 }] }],
    }),
    without: shop,
  },
  'already-injected': { input: toYaml(...bound, workload('web', 'web', injected)), without: shop },
  exception: {
    input: toYaml(...bound, web, exception({ app: 'WEB' })),
    without: toYaml(...bound, web, exception({ APP: 'web' })),
  },
  'upstream-proxy': {
    input: toYaml(
      workload('web', undefined, {
        annotations: { 'azure.workload.identity/inject-proxy-sidecar': 'true' },
      }),
    ),
    without: shop,
  },
  'secret-provider-class': {
    input: toYaml(secretProviderClass('true')),
    without: toYaml(secretProviderClass('false')),
  },
  'scope-contradicted': {
    input: toYaml(...bound, web, mic(['--forceNamespaced'])),
    argv: ['--cluster-scoped'],
    without: toYaml(...bound, web, mic(['--forceNamespaced'])),
  },
  'default-identity-unknown': {
    input: shop,
    argv: ['--default-identity=web=writer'],
    without: shop,
    argvWithout: ['--default-identity=web=reader'],
  },
  'crd-without-objects': { input: toYaml(definition, web), without: toYaml(definition, ...bound) },
  'namespace-not-in-input': {
    input: toYaml(namespace('other'), ...bound, web),
    without: toYaml(namespace('shop'), ...bound, web),
  },
  'duplicate-object': {
    input: toYaml(...bound, web, workload('web', 'other')),
    without: toYaml(...bound, web, web),
  },
  'repeated-object': { input: toYaml(...bound, web, web), without: shop },
  truncated: { input: dump(...bound, web).replace(/kind: List.*/s, ''), without: dump(web) },
  unreadable: { input: `${shop}---\na: [\n`, without: shop },
  'not-rendered': {
    input: { 'a/shop.yaml': shop, 'a/chart.yaml': 'kind: {{ .Values.kind }}\n' },
    without: { 'a/shop.yaml': shop },
  },
  'no-object': { input: 'replicas: 2\n', without: shop },
  'not-an-object': { input: `${shop}---\nreplicas: 2\n`, without: shop },
  'skipped-file': {
    input: {
      'a/shop.yaml': shop,
      'a/patch.yaml': 'spec: {}\n',
      'a/kustomization.yaml': 'resources: [shop.yaml]\npatches: [{ path: patch.yaml }]\n',
    },
    without: { 'a/shop.yaml': shop, 'a/kustomization.yaml': 'resources: [shop.yaml]\n' },
  },
  'invalid-object': {
    input: toYaml(binding('web', 'reader', undefined)),
    without: toYaml(binding('web', 'reader', 'web')),
  },
};

function selecting(selector: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { selector },
  };
}

function exception(podLabels: object): object {
  return {
    apiVersion: 'aadpodidentity.k8s.io/v1',
    kind: 'AzurePodIdentityException',
    metadata: { name: 'none', namespace: 'shop' },
    spec: { podLabels },
  };
}

describe.each(Object.entries(cases))('%s', (code, { input, argv, without, argvWithout }) => {
  it('is found, with its level and a remedy', async () => {
    const { all } = await planOf(input, argv);
    const found = all.filter((one) => one.code === code);
    expect(found).not.toEqual([]);
    for (const { level, message, fix } of found) {
      expect(level).toBe(findingCodes[code as FindingCode].level);
      for (const text of [message, fix]) {
        expect(text).not.toBe('');
        expect(text).not.toMatch(/undefined|\[object|\.$/);
      }
    }
  });

  it('is not found in the nearest input without it', async () => {
    const { all } = await planOf(without, argvWithout);
    expect(all.map((one) => one.code)).not.toContain(code);
  });
});
