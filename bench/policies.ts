/**
 * Measures the cost of the injection policy in the API server's own code (.ci/go-tools), and writes
 * docs/benchmarks-policies.md. It never fails because something was slow.
 */
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { evaluationObstacle, readPolicy } from '../test/support/policy-evaluation.ts';
import { createWorld, tenantId, toPod } from '../test/support/policy-world.ts';

if (evaluationObstacle !== undefined) throw new Error(evaluationObstacle);
const root = join(import.meta.dirname, '..');
const file = 'deploy/policies/inject.yaml';
const runs = 25;
const counts = [1, 10, 100, 500];
const labels = { 'azure.workload.identity/use': 'true' };
const policies = readPolicy(file, { tenantId: JSON.stringify(tenantId) });

/** The same policies, which look at the ServiceAccounts with the label only. */
const selecting = policies.map((object) =>
  'paramRef' in object.spec
    ? {
        ...object,
        spec: {
          ...object.spec,
          paramRef: { ...Object(object.spec.paramRef), selector: { matchLabels: labels } },
        },
      }
    : object,
);

const asking = toPod();
/** A pod with the label alone, of which the policy only finds out that it does not ask. */
const labelled = { ...asking, metadata: { name: 'app', labels } };

const show = (microseconds = 0): string => `${(microseconds / 1_000).toFixed(1)} ms`;

/** The fastest of the runs, because other programs only add to it, and the median. */
async function measure(
  objects: readonly object[],
  pod: typeof asking,
  accounts: number,
): Promise<string> {
  const world = createWorld(objects);
  const moreAccounts = Array.from({ length: accounts - 1 }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: `other-${index}` },
  }));
  const results = Array.from({ length: runs }, () =>
    world.add(pod, { accountLabels: labels, moreAccounts }),
  );
  await world.run();
  for (const result of results) {
    if (result().denied !== undefined) throw new Error(result().denied);
  }
  const times = results.map((result) => result().microseconds).sort((a, b) => a - b);
  return `${show(times[0])} (${show(times[Math.floor(runs / 2)])})`;
}

const rows: string[] = [];
for (const count of counts) {
  const cells = [
    await measure(policies, asking, count),
    await measure(policies, labelled, count),
    await measure(selecting, asking, count),
  ];
  rows.push(`| ${count} | ${cells.join(' | ')} |`);
  process.stderr.write(`${rows.at(-1)}\n`);
}

const world = createWorld(policies);
const small = world.add(asking);
const large = world.add(
  toPod(
    {},
    { containers: Array.from({ length: 500 }, (_, at) => ({ name: `c${at}`, image: 'x' })) },
  ),
);
await world.run();
const sizes = policies
  .filter(({ kind }) => !kind.endsWith('Binding'))
  .map(
    (object) =>
      `| \`${object.metadata.name}\` | ${JSON.stringify(object).length.toLocaleString('en')} |`,
  );
const costs = [small, large].map((result) =>
  Math.max(...Object.values(result().cost)).toLocaleString('en'),
);
const [cpu] = cpus();
await writeFile(
  join(root, 'docs/benchmarks-policies.md'),
  `# Cost of the injection policy

Written by \`npm run bench:policies\` on ${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpu?.model.trim()}, load average
${loadavg()[0]?.toFixed(1)} at the end.
The time of the policies of [inject.yaml](../${file}) for each pod, in the API server's own code:
the fastest of ${runs} runs, and the median in parentheses.

| ServiceAccounts of the namespace | Pod that asks for the proxy | Pod with the label only | Asks, and ServiceAccounts are selected by a label |
| --- | --- | --- | --- |
${rows.join('\n')}

Pods without the label cost nothing. [The selector](injection-policy.md#cost) is for namespaces with hundreds of
ServiceAccounts. In the last column one ServiceAccount has the label.

Kubernetes allows an expression 10,000,000 units of cost at run time. A pod with one container takes ${costs[0]} of them,
a pod with 500 containers ${costs[1]}. The tests keep each policy below 65,536 bytes:

| Policy | Bytes of JSON |
| --- | --- |
${sizes.join('\n')}
`,
);
