import fc from 'fast-check';
import { stringify } from 'yaml';
import { binding, identity } from './migrate.ts';

/** A cluster that uses AAD Pod Identity, object by object, and the files that its people keep it in. */
export interface GeneratedCluster {
  readonly objects: readonly object[];
  /** Manifests as people write them, by the name of the file. */
  readonly files: Readonly<Record<string, string>>;
  /** As `kubectl get -o yaml` prints it. */
  readonly dump: string;
}

interface Parts {
  readonly kind: keyof typeof kinds;
  readonly namespace: string;
  readonly identity: number;
  readonly account: 'none' | 'default' | 'own' | 'shared';
  readonly hasComment: boolean;
}

const kinds = {
  Deployment: { apiVersion: 'apps/v1', path: ['spec', 'template'] },
  StatefulSet: { apiVersion: 'apps/v1', path: ['spec', 'template'] },
  DaemonSet: { apiVersion: 'apps/v1', path: ['spec', 'template'] },
  CronJob: { apiVersion: 'batch/v1', path: ['spec', 'jobTemplate', 'spec', 'template'] },
  Pod: { apiVersion: 'v1', path: [] },
} as const;

const identityCount = 4;
const namespaces = ['shop', 'billing'];

const parts: fc.Arbitrary<Parts> = fc.record({
  kind: fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[])),
  namespace: fc.constantFrom(...namespaces),
  identity: fc.nat(identityCount - 1),
  account: fc.constantFrom('none', 'default', 'own', 'shared'),
  hasComment: fc.boolean(),
});

/** Clusters with at least one workload that has the label, and at most 200. */
export function clusters(maxLength = 200): fc.Arbitrary<GeneratedCluster> {
  return fc
    .tuple(fc.array(parts, { minLength: 1, maxLength, size: 'max' }), fc.boolean())
    .map(([all, isWindows]) => {
      const workloads = all.map(toWorkload);
      const accounts = toAccounts(all);
      const setup = toSetup();
      const objects = [...setup, ...accounts, ...workloads];
      const text = (documents: readonly string[]): string => {
        const joined = documents.join('---\n');
        return isWindows ? joined.replaceAll('\n', '\r\n') : joined;
      };
      return {
        objects,
        files: {
          'base/identities.yaml': text(setup.map((one) => stringify(one))),
          ...(accounts.length > 0 && {
            'base/accounts.yaml': text(accounts.map((one) => stringify(one))),
          }),
          'base/workloads.yaml': text(
            workloads.map((one, index) => toManifest(one, all[index]?.hasComment ?? false)),
          ),
        },
        dump: stringify({
          apiVersion: 'v1',
          items: objects.map(toDumped),
          kind: 'List',
          metadata: { resourceVersion: '' },
        }),
      };
    });
}

function toSetup(): readonly object[] {
  return namespaces.flatMap((namespace) =>
    Array.from({ length: identityCount }, (_, index) => [
      identity(`id-${index}`, { namespace }),
      binding(`binding-${index}`, `id-${index}`, `label-${index}`, { namespace }),
    ]).flat(),
  );
}

function accountOf({ account }: Parts, index: number): string | undefined {
  switch (account) {
    case 'none':
      return undefined;
    case 'default':
      return 'default';
    case 'own':
      return `account-${index}`;
    case 'shared':
      return 'shared';
  }
}

function toAccounts(all: readonly Parts[]): readonly object[] {
  const names = new Set(
    all.flatMap((one, index) => {
      const name = accountOf(one, index);
      return name === undefined || name === 'default' ? [] : `${one.namespace}/${name}`;
    }),
  );
  return [...names].map((id) => {
    const [namespace, name] = id.split('/');
    return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
  });
}

function toWorkload(one: Parts, index: number): object {
  const { apiVersion, path } = kinds[one.kind];
  const name = `app-${index}`;
  const account = accountOf(one, index);
  const pod = {
    metadata: { labels: { app: name, aadpodidbinding: `label-${one.identity}` } },
    spec: {
      containers: [{ name: 'app', image: 'registry.example/app:1' }],
      ...(account !== undefined && { serviceAccountName: account }),
      ...(one.kind === 'CronJob' && { restartPolicy: 'Never' }),
    },
  };
  const head = { apiVersion, kind: one.kind };
  const metadata = { name, namespace: one.namespace };
  if (path.length === 0) {
    return { ...head, metadata: { ...metadata, ...pod.metadata }, spec: pod.spec };
  }
  const spec = path.slice(1).reduceRight<object>((inner, key) => ({ [key]: inner }), pod);
  return { ...head, metadata, spec };
}

function toManifest(object: object, hasComment: boolean): string {
  const text = stringify(object);
  if (!hasComment) return text;
  return `# The team that owns it: ${Object(object).metadata.name}\n${text
    .replace(/^(\s*)containers:$/m, '$1containers: # what runs')
    .replace(/^(\s*)(app: .*)$/m, '$1# how it is found\n$1$2   # name')}# the end\n`;
}

/** With the fields that the API server adds. */
function toDumped(object: object): object {
  const { metadata, ...rest } = Object(object);
  return {
    ...rest,
    metadata: {
      ...metadata,
      creationTimestamp: '2024-01-01T00:00:00Z',
      uid: 'c0ffee',
      resourceVersion: '1',
    },
    status: {},
  };
}
