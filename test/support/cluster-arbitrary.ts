import fc from 'fast-check';
import { binding, clientId, identity, mic, pod, serviceAccount, workload } from './migrate.ts';

/** A cluster with AAD Pod Identity, as its objects. */
export interface GeneratedCluster {
  readonly objects: readonly object[];
  readonly isForced: boolean;
}

const namespaces = ['shop', 'billing', 'other'] as const;
const identityNames = ['reader', 'writer', 'admin', 'backup'] as const;
const selectors = ['web', 'api', 'jobs', 'unbound'] as const;

const namespace = fc.constantFrom(...namespaces);
const identityName = fc.constantFrom(...identityNames);
const selector = fc.constantFrom(...selectors);

const identities = fc
  .uniqueArray(
    fc.record({
      namespace,
      name: identityName,
      isNamespaced: fc.boolean(),
      type: fc.constantFrom(0, 0, 0, 1, 2),
      client: fc.integer({ min: 1, max: 6 }),
    }),
    { selector: (one) => `${one.namespace}/${one.name}`, maxLength: 8 },
  )
  .map((all) =>
    all.map((one) =>
      identity(one.name, {
        namespace: one.namespace,
        spec: { type: one.type, clientID: clientId(one.client) },
        ...(one.isNamespaced && {
          annotations: { 'aadpodidentity.k8s.io/Behavior': 'namespaced' },
        }),
      }),
    ),
  );

const bindings = fc
  .array(
    fc.record({ namespace, identity: identityName, selector, weight: fc.constantFrom(0, 0, 1) }),
    { maxLength: 10 },
  )
  .map((all) =>
    all.map((one, index) =>
      binding(`binding-${index}`, one.identity, one.selector, {
        namespace: one.namespace,
        weight: one.weight,
      }),
    ),
  );

const exceptions = fc.uniqueArray(namespace, { maxLength: 2 }).map((all) =>
  all.map((one) => ({
    apiVersion: 'aadpodidentity.k8s.io/v1',
    kind: 'AzurePodIdentityException',
    metadata: { name: 'agents', namespace: one },
    spec: { podLabels: { tier: 'agent' } },
  })),
);

const spec = fc.record(
  {
    serviceAccountName: fc.constantFrom('default', 'team', 'own'),
    hostNetwork: fc.constant(true),
    nodeSelector: fc.constantFrom(
      { 'kubernetes.io/os': 'windows' },
      { 'kubernetes.io/os': 'linux' },
    ),
  },
  { requiredKeys: [] },
);

/** Mostly pods that a plan can move; now and then others. */
const podSpec = fc.oneof(
  {
    weight: 8,
    arbitrary: spec.map(({ serviceAccountName }) =>
      serviceAccountName === undefined ? {} : { serviceAccountName },
    ),
  },
  { weight: 1, arbitrary: spec },
);

const workloadSetting = fc.record({
  namespace,
  kind: fc.constantFrom('Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'),
  label: fc.option(selector, { nil: undefined, freq: 4 }),
  spec: podSpec,
  tier: fc.constantFrom('web', 'web', 'web', 'agent'),
  pods: fc.integer({ min: 0, max: 2 }),
});

function toObjects(
  one: typeof workloadSetting extends fc.Arbitrary<infer T> ? T : never,
  index: number,
): readonly object[] {
  const name = `workload-${index}`;
  const kind = one.kind === 'CronJob' ? 'Deployment' : one.kind;
  const made = workload(name, one.label, {
    namespace: one.namespace,
    kind,
    spec: one.spec,
    labels: { tier: one.tier },
  });
  if (one.kind !== 'Deployment') {
    if (one.kind !== 'CronJob') return [made];
    const { spec: jobSpec, ...rest } = made as { readonly spec: object };
    return [
      {
        ...rest,
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        spec: { schedule: '0 0 * * *', jobTemplate: { spec: jobSpec } },
      },
    ];
  }
  const pods = Array.from({ length: one.pods }, (_, number) =>
    pod(`${name}-6d4cf56db6-${number}`, one.label, {
      namespace: one.namespace,
      owner: ['ReplicaSet', `${name}-6d4cf56db6`],
      labels: { 'pod-template-hash': '6d4cf56db6', tier: one.tier },
      spec: one.spec,
    }),
  );
  return [made, ...pods];
}

/** @param most workloads, of which there is at least one. */
export function clusters(most: number): fc.Arbitrary<GeneratedCluster> {
  return fc
    .record({
      identities,
      bindings,
      exceptions,
      accounts: fc.subarray(['team', 'own', 'workload-0']),
      workloads: fc.array(workloadSetting, { minLength: 1, maxLength: most, size: 'max' }),
      isForced: fc.boolean(),
    })
    .map((one) => ({
      isForced: one.isForced,
      objects: [
        ...one.identities,
        ...one.bindings,
        ...one.exceptions,
        ...one.accounts.map((name) => serviceAccount(name)),
        mic(one.isForced ? ['--forceNamespaced'] : []),
        ...one.workloads.flatMap(toObjects),
      ],
    }));
}
