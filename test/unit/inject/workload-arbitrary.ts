import fc from 'fast-check';
import type { Value, ValueMap } from '../../../src/inject/manifest/value.ts';

const names = fc
  .stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/)
  .filter((name) => !name.startsWith('azwi'));
const texts = fc.oneof(
  names,
  fc.constantFrom('yes', '0440', '{{ .x }}', 'a: b', '# no', 'one\ntwo\n', '', '"'),
);
const labels = fc.dictionary(names, texts, { maxKeys: 3, noNullPrototype: true });

/** Leaves the key out, or holds the value. */
function sometimes(key: string, value: fc.Arbitrary<Value>): fc.Arbitrary<ValueMap> {
  return fc.oneof(
    fc.constant({}),
    value.map((held) => ({ [key]: held })),
  );
}

function merged(...parts: readonly fc.Arbitrary<ValueMap>[]): fc.Arbitrary<ValueMap> {
  return fc.tuple(...parts).map((maps) => Object.assign({}, ...maps) as ValueMap);
}

function named(
  ...parts: readonly fc.Arbitrary<ValueMap>[]
): (least: number) => fc.Arbitrary<Value> {
  const rest = merged(...parts);
  return (minLength) =>
    fc
      .uniqueArray(fc.tuple(names, rest), { minLength, maxLength: 3, selector: ([name]) => name })
      .map((items) => items.map(([name, more]) => ({ name, ...more })));
}

const env = named(sometimes('value', texts));
const containers = named(
  texts.map((image) => ({ image })),
  sometimes('args', fc.array(texts, { maxLength: 3 })),
  sometimes('env', env(0)),
  sometimes('resources', fc.constantFrom({}, { limits: { cpu: '1', memory: '1Gi' } })),
  sometimes('volumeMounts', named(fc.constant({ mountPath: '/x' }))(0)),
);
const metadata = merged(
  sometimes('labels', labels),
  sometimes('annotations', labels),
  sometimes('name', names),
);
const spec = merged(
  sometimes('serviceAccountName', names),
  sometimes('initContainers', named(texts.map((image) => ({ image })))(0)),
  containers(1).map((list) => ({ containers: list })),
  sometimes('volumes', named(fc.constant({ emptyDir: {} }))(0)),
  sometimes('restartPolicy', fc.constant('Always')),
);
const template = merged(
  sometimes('metadata', metadata),
  spec.map((pod) => ({ spec: pod })),
);

const shapes: readonly ((pod: ValueMap) => ValueMap)[] = [
  (pod) => ({ apiVersion: 'v1', kind: 'Pod', ...pod }),
  (pod) => ({ apiVersion: 'apps/v1', kind: 'Deployment', spec: { replicas: 2, template: pod } }),
  (pod) => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    spec: { jobTemplate: { spec: { template: pod } } },
  }),
  (pod) => ({
    kind: 'List',
    items: [
      { kind: 'Service', apiVersion: 'v1', spec: {} },
      { apiVersion: 'apps/v1', kind: 'StatefulSet', spec: { template: pod, serviceName: 'x' } },
    ],
    apiVersion: 'v1',
  }),
];

/** Workloads of several kinds, with whatever their pods may have or lack. */
export const workloads: fc.Arbitrary<ValueMap> = fc
  .tuple(fc.constantFrom(...shapes), template)
  .map(([shape, pod]) => shape(pod));
