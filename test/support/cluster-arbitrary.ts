import fc from 'fast-check';
import { binding, clientId, identity, mic, pod, serviceAccount, workload } from './migrate.ts';

/** A cluster with AAD Pod Identity, as its objects. */
export interface GeneratedCluster {
  readonly objects: readonly object[];
  /** Of the objects, those with pods that somebody applies. */
  readonly workloads: readonly object[];
  readonly isForced: boolean;
}

const namespaces = ['shop', 'billing', 'other'] as const;
const identityNames = ['reader', 'writer', 'admin', 'backup'] as const;
const selectors = ['web', 'api', 'jobs', 'unbound'] as const;

const namespace = fc.constantFrom(...namespaces);
const identityName = fc.constantFrom(...identityNames);
const selector = fc.constantFrom(...selectors);

const someIdentities = fc
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

const someBindings = fc
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

const account = fc.constantFrom('default', 'team', 'own', undefined).map((name) => ({
  ...(name !== undefined && { serviceAccountName: name }),
}));

/** Mostly pods that a plan can move; now and then others. */
const podSpec = fc.oneof(
  { weight: 8, arbitrary: account },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        account,
        fc.constantFrom(
          { hostNetwork: true },
          { nodeSelector: { 'kubernetes.io/os': 'windows' } },
          { nodeSelector: { 'kubernetes.io/os': 'linux' } },
        ),
      )
      .map(([own, more]) => ({ ...own, ...more })),
  },
);

interface WorkloadSetting {
  readonly namespace: string;
  readonly kind: string;
  readonly label: string | undefined;
  readonly spec: object;
  readonly tier: string;
  /** Running pods beside it. */
  readonly pods: number;
}

const kinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'] as const;

const someWorkload: fc.Arbitrary<WorkloadSetting> = fc.record({
  namespace,
  kind: fc.constantFrom(...kinds),
  label: fc.option(selector, { nil: undefined, freq: 4 }),
  spec: podSpec,
  tier: fc.constantFrom('web', 'web', 'web', 'agent'),
  pods: fc.integer({ min: 0, max: 2 }),
});

const movableWorkload: fc.Arbitrary<WorkloadSetting> = fc.record({
  namespace,
  kind: fc.constantFrom(...kinds, 'Pod'),
  label: identityName,
  spec: account,
  tier: fc.constant('web'),
  pods: fc.constant(0),
});

function toWorkload(
  { namespace, kind, label, spec, tier }: WorkloadSetting,
  index: number,
): object {
  return workload(`workload-${index}`, label, { namespace, kind, spec, labels: { tier } });
}

function toPods(one: WorkloadSetting, index: number): readonly object[] {
  if (one.kind !== 'Deployment') return [];
  const owner = `workload-${index}-6d4cf56db6`;
  return Array.from({ length: one.pods }, (_, number) =>
    pod(`${owner}-${number}`, one.label, {
      namespace: one.namespace,
      owner: ['ReplicaSet', owner],
      labels: { 'pod-template-hash': '6d4cf56db6', tier: one.tier },
      spec: one.spec,
    }),
  );
}

/** Clusters of every kind, whose workloads may match nothing, or be blocked. @param most workloads; there is one at least. */
export function clusters(most: number): fc.Arbitrary<GeneratedCluster> {
  return fc
    .record({
      identities: someIdentities,
      bindings: someBindings,
      exceptions,
      accounts: fc
        .subarray(['team', 'own', 'workload-0'])
        .map((all) => all.map((name) => serviceAccount(name))),
      settings: fc.array(someWorkload, { minLength: 1, maxLength: most, size: 'max' }),
      isForced: fc.boolean(),
    })
    .map(toCluster);
}

/** Clusters whose workloads all have an identity, and can be moved. */
export function movableClusters(most = 200): fc.Arbitrary<GeneratedCluster> {
  const each = <T>(make: (name: string, namespace: string) => T): readonly T[] =>
    namespaces.flatMap((one) => identityNames.map((name) => make(name, one)));
  return fc.array(movableWorkload, { minLength: 1, maxLength: most, size: 'max' }).map((settings) =>
    toCluster({
      identities: each((name, one) => identity(name, { namespace: one })),
      bindings: each((name, one) => binding(name, name, name, { namespace: one })),
      exceptions: [],
      accounts: namespaces.flatMap((one) =>
        ['team', 'own'].map((name) => serviceAccount(name, undefined, one)),
      ),
      settings,
      isForced: true,
    }),
  );
}

function toCluster(parts: {
  readonly identities: readonly object[];
  readonly bindings: readonly object[];
  readonly exceptions: readonly object[];
  readonly accounts: readonly object[];
  readonly settings: readonly WorkloadSetting[];
  readonly isForced: boolean;
}): GeneratedCluster {
  const { isForced, settings } = parts;
  const workloads = settings.map(toWorkload);
  return {
    isForced,
    workloads,
    objects: [
      ...parts.identities,
      ...parts.bindings,
      ...parts.exceptions,
      ...parts.accounts,
      mic(isForced ? ['--forceNamespaced'] : []),
      ...workloads,
      ...settings.flatMap(toPods),
    ],
  };
}
