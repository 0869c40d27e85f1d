/** Plans of generated clusters, of 1 to 200 workloads. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatJson } from '../../../src/migrate/output/json.ts';
import { parseMigrate } from '../../../src/migrate/parse-command.ts';
import { makePlan } from '../../../src/migrate/plan/make-plan.ts';
import type { Plan, PlannedWorkload } from '../../../src/migrate/plan.ts';
import { readCluster } from '../../../src/migrate/read/read-cluster.ts';
import { clusters, type GeneratedCluster } from '../../support/cluster-arbitrary.ts';
import { dump, issuer, toYaml } from '../../support/migrate.ts';
import { findSchemaFaults } from '../../support/plan-schema.ts';

const parsed = parseMigrate(new Map([['issuer', [issuer, `${issuer}second`]]]), [], undefined);
if (!parsed.ok) throw new Error(parsed.errors.join());
const { read, plan: settings } = parsed.value;

function planOf(text: string): Plan {
  const input = { name: 'input', path: undefined, text, isFromFolder: false };
  return makePlan(readCluster([input], read), settings);
}

/** A plan without the places, which depend on the form of the input. */
function withoutPlaces(plan: Plan): unknown {
  return JSON.parse(formatJson(plan), (key, value) =>
    key === 'file' || key === 'line' ? undefined : value,
  );
}

interface Labelled {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

/**
 * The loop of MIC (createDesiredAssignedIdentityList), written again in its simplest form: for a label and a
 * namespace, the names of the identities that a pod is assigned.
 */
function assignedByMic(
  { objects, isForced }: GeneratedCluster,
  label: string,
  namespace: string,
): readonly string[] {
  const all = objects as readonly Labelled[];
  const names = new Map<string, string>();
  const order = (one: Labelled): string => `${one.metadata.namespace}/${one.metadata.name}`;
  const bindings = all
    .filter(({ kind, spec }) => kind === 'AzureIdentityBinding' && spec['selector'] === label)
    .sort((a, b) => (order(a) < order(b) ? -1 : 1));
  for (const binding of bindings) {
    const identity = all.find(
      ({ kind, metadata }) =>
        kind === 'AzureIdentity' &&
        metadata.namespace === binding.metadata.namespace &&
        metadata.name === binding.spec['azureIdentity'],
    );
    if (identity === undefined) continue;
    const behaviour = identity.metadata.annotations?.['aadpodidentity.k8s.io/Behavior'];
    const isNamespaced = isForced || behaviour === 'namespaced';
    if (isNamespaced && binding.metadata.namespace !== namespace) continue;
    const { name } = identity.metadata;
    if (!names.has(name)) names.set(name, `${identity.metadata.namespace}/${name}`);
  }
  return [...names.values()].sort();
}

const moved = ({ workloads }: Plan): readonly PlannedWorkload[] =>
  workloads.filter(
    ({ status, identities }) =>
      (status === 'ready' || status === 'attention') && identities.length > 0,
  );

const identitySet = ({ identities }: PlannedWorkload): string =>
  identities
    .map((one) => `${one.clientId}${one.default}`)
    .sort()
    .join();

describe('the plan of any cluster', () => {
  const check = (
    most: number,
    runs: number,
    property: (plan: Plan, cluster: GeneratedCluster) => void,
  ): void =>
    fc.assert(
      fc.property(clusters(most), (cluster) =>
        property(planOf(toYaml(...cluster.objects)), cluster),
      ),
      { numRuns: runs },
    );

  it('gives each workload the identities that MIC assigns to its pods', () => {
    check(30, 150, (plan, cluster) => {
      for (const one of plan.workloads) {
        if (one.status === 'exempt' || one.binding === null) continue;
        expect(one.identities.map(({ namespace, name }) => `${namespace}/${name}`).sort()).toEqual(
          assignedByMic(cluster, one.binding, one.namespace),
        );
      }
    });
  });

  it('has each labelled workload once, and counts all of them', () => {
    check(30, 100, (plan, { objects }) => {
      const tops = (objects as readonly Labelled[]).filter(({ kind }) =>
        ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'].includes(kind),
      );
      const labelled = tops.filter((one) => JSON.stringify(one.spec).includes('aadpodidbinding'));
      const names = plan.workloads.map((one) => `${one.kind} ${one.namespace}/${one.name}`);
      expect(new Set(names).size).toBe(names.length);
      for (const { kind, metadata } of labelled) {
        expect(names).toContain(`${kind} ${metadata.namespace}/${metadata.name}`);
      }
      const { workloads, others, depending } = plan.summary;
      const total = Object.values(workloads).reduce((sum, count) => sum + count, 0);
      // MIC is a component, not a workload.
      expect(total + others).toBe(tops.length - 1);
      expect(depending).toBe(plan.workloads.filter((one) => one.dependsOnPodIdentity).length);
    });
  });

  it('trusts each ServiceAccount for the identities of its pods, and for no others', () => {
    check(30, 150, (plan) => {
      const needed = new Set<string>();
      for (const one of moved(plan)) {
        for (const { clientId } of one.identities) {
          for (const url of settings.issuers) {
            needed.add(
              `${clientId} system:serviceaccount:${one.namespace}:${one.serviceAccount.name} ${url}`,
            );
          }
        }
      }
      const made = plan.federatedCredentials.map(
        ({ clientId, subject, issuer: url }) => `${clientId} ${subject} ${url}`,
      );
      expect([...made].sort()).toEqual([...needed].sort());
      const byIdentity = Map.groupBy(plan.federatedCredentials, ({ clientId }) => clientId);
      for (const all of byIdentity.values()) {
        expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
      }
      for (const { clientId, credentials } of plan.identities) {
        expect(credentials).toBe(byIdentity.get(clientId ?? '')?.length ?? 0);
      }
    });
  });

  it('lets no two workloads of different identities share a ServiceAccount, and none use default', () => {
    check(30, 150, (plan) => {
      const sets = new Map<string, string>();
      for (const one of moved(plan)) {
        const key = `${one.namespace}/${one.serviceAccount.name}`;
        expect(one.serviceAccount.name).not.toBe('default');
        expect(sets.get(key) ?? identitySet(one)).toBe(identitySet(one));
        sets.set(key, identitySet(one));
        const main = one.identities.find((each) => each.default);
        const account = plan.serviceAccounts.find(
          ({ namespace, name }) => `${namespace}/${name}` === key,
        );
        expect(account?.annotations['azure.workload.identity/client-id']).toBe(main?.clientId);
        expect(account?.action).toBe(one.serviceAccount.action);
      }
    });
  });

  it('does not depend on the order of the objects', () => {
    fc.assert(
      fc.property(
        clusters(12).chain((cluster) =>
          fc.tuple(
            fc.constant(cluster),
            fc.shuffledSubarray([...cluster.objects], { minLength: cluster.objects.length }),
          ),
        ),
        ([cluster, shuffled]) => {
          const first = withoutPlaces(planOf(toYaml(...cluster.objects)));
          expect(withoutPlaces(planOf(toYaml(...shuffled)))).toEqual(first);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('does not depend on the form of the input', () => {
    check(8, 40, (plan, { objects }) => {
      const json = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, undefined, 2);
      for (const text of [
        json,
        dump(...objects),
        dump({ apiVersion: 'v1', kind: 'List', items: objects }),
      ]) {
        expect(withoutPlaces(planOf(text))).toEqual(withoutPlaces(plan));
      }
    });
  });

  it('is as the schema says', () => {
    check(20, 40, (plan) => {
      expect(findSchemaFaults(formatJson(plan))).toEqual([]);
    });
  });

  it('holds for 200 workloads as well', () => {
    check(200, 5, (plan, cluster) => {
      for (const one of plan.workloads) {
        if (one.status === 'exempt' || one.binding === null) continue;
        expect(one.identities).toHaveLength(
          assignedByMic(cluster, one.binding, one.namespace).length,
        );
      }
    });
  });
});

/** Values that no field expects. */
const junk = fc.constantFrom<unknown>(
  null,
  '',
  ' ',
  0,
  -1,
  1e21,
  true,
  [],
  [null],
  {},
  { name: {} },
  [{}],
  '\u0000',
  '{{ .Values.x }}',
  'x'.repeat(300),
);

/** Puts a value somewhere into another one. */
function spoil(value: unknown, path: readonly number[], by: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof value !== 'object' || value === null) return by;
  const keys = Object.keys(value);
  if (keys.length === 0) return by;
  const key = keys[step % keys.length] ?? '';
  const part = (value as Readonly<Record<string, unknown>>)[key];
  if (Array.isArray(value)) {
    return value.map((item, index) => (`${index}` === key ? spoil(item, rest, by) : item));
  }
  return { ...value, [key]: spoil(part, rest, by) };
}

describe('objects with junk in any field', () => {
  const spoilt = fc
    .tuple(
      clusters(6),
      fc.array(fc.tuple(fc.nat(50), fc.array(fc.nat(9), { minLength: 1, maxLength: 8 }), junk), {
        minLength: 1,
        maxLength: 4,
      }),
    )
    .map(([{ objects }, changes]) =>
      changes.reduce(
        (all: readonly unknown[], [which, path, by]) =>
          all.map((one, index) => (index === which % all.length ? spoil(one, path, by) : one)),
        objects,
      ),
    );

  it('give a plan that is as the schema says, or errors, but never a crash', () => {
    fc.assert(
      fc.property(spoilt, (objects) => {
        for (const text of [
          objects.map((one) => JSON.stringify(one)).join('\n'),
          `apiVersion: v1\nkind: List\nitems: ${JSON.stringify(objects)}\n`,
        ]) {
          const printed = formatJson(planOf(text));
          expect(findSchemaFaults(printed), printed).toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });
});
