/**
 * Measures `migrate` on the dumps of clusters, and writes docs/benchmarks-migrate.md. It never fails because an aim was
 * missed.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { load } from 'js-yaml';
import { best, show } from './harness/program.ts';
import { makeDump } from './programs/pod-identity-dump.ts';

const root = join(import.meta.dirname, '..');
const runs = 3;
const large = makeDump(2_000, 40e6);

const inputs: readonly (readonly [name: string, text: () => string])[] = [
  ['200 workloads, 4 MB of YAML', () => makeDump(200, 4e6)],
  ['2,000 workloads, 40 MB of YAML', () => large],
  // V8 then needs two bytes for each letter.
  ['the same, with one letter outside Latin-1', () => `# Łódź\n${large}`],
  ['2,000 workloads, as JSON', () => JSON.stringify(load(large), undefined, 4)],
];

const folder = await mkdtemp(join(tmpdir(), 'imds-proxy-bench-migrate-'));
try {
  const pack = [join(root, 'build/package.ts'), '--outdir', folder];
  const { stdout } = await promisify(execFile)(process.execPath, pack);
  await promisify(execFile)('tar', ['-xzf', stdout.trim(), '-C', folder]);
  const program = join(folder, 'package/inject.js');
  const rows: string[] = [];
  for (const [name, text] of inputs) {
    const path = join(folder, 'dump');
    const input = text();
    await writeFile(path, input);
    const out = join(folder, 'plan.json');
    const flags = ['migrate', '--output=json', '--issuer=https://issuer.example/', path];
    const measured = await best(
      runs,
      process.execPath,
      ['--max-semi-space-size=4', program, ...flags],
      out,
    );
    const { summary } = JSON.parse(await readFile(out, 'utf8'));
    const megabytes = (Buffer.byteLength(input) / 1e6).toFixed(0);
    rows.push(
      `| ${name} | ${megabytes} MB | ${show(measured)} | ${summary.federatedCredentials} |`,
    );
    process.stderr.write(`${rows.at(-1)}\n`);
  }
  const [cpu] = cpus();
  await writeFile(
    join(root, 'docs/benchmarks-migrate.md'),
    `# Speed and memory of migrate

Written by \`npm run bench:migrate\` on ${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model.trim()}, load average
${loadavg()[0]?.toFixed(1)} at the end.
The median time and the highest peak of ${runs} runs, start included. The dumps are as \`kubectl get … -A -o yaml\` prints
them: for each workload a Deployment, two pods and a ServiceAccount.

| Input | Size | migrate | Federated credentials |
| --- | --- | --- | --- |
${rows.join('\n')}

The aim is less than 600 MB for 2,000 workloads. \`migrate\` holds the text of the input, and reads it one object at a time:
it keeps the labelled pod templates, and a few facts of everything else.
`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
