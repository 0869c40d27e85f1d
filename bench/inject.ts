/**
 * Measures `inject` on large inputs, beside `yq` where .ci/go-tools has built it, and writes
 * docs/benchmarks-inject.md. It never fails because an aim was missed.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { findGoTool } from '../test/support/go-tools.ts';
import { best, show } from './harness/program.ts';

const root = join(import.meta.dirname, '..');
const runs = 3;

const workload = (index: number): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: `web-${index}`, namespace: 'shop', labels: { app: `web-${index}` } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: `web-${index}` } },
    template: {
      metadata: { labels: { app: `web-${index}` } },
      spec: {
        serviceAccountName: 'shop',
        containers: [
          {
            name: 'app',
            image: `registry.example/app:${index}`,
            args: ['--listen=:8080', '--verbose'],
            env: [
              { name: 'MODE', value: 'live' },
              { name: 'REGION', value: 'west' },
            ],
            resources: { requests: { cpu: '10m', memory: '20Mi' } },
            ports: [{ containerPort: 8080 }],
          },
        ],
      },
    },
  },
});

/** What charts render besides workloads, in about the proportions of a cluster's repository. */
const other = (index: number): object => {
  const metadata = { name: `web-${index}`, namespace: 'shop', labels: { app: `web-${index}` } };
  switch (index % 5) {
    case 0:
      return {
        apiVersion: 'v1',
        kind: 'Service',
        metadata,
        spec: { selector: { app: `web-${index}` }, ports: [{ port: 80, targetPort: 8080 }] },
      };
    case 1:
      return {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata,
        data: { 'app.conf': 'key = value\n'.repeat(60) },
      };
    case 2:
      return {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata,
        rules: Array(6).fill({
          apiGroups: [''],
          resources: ['pods', 'services'],
          verbs: ['get', 'list', 'watch'],
        }),
      };
    case 3:
      return {
        apiVersion: 'monitoring.coreos.com/v1',
        kind: 'PrometheusRule',
        metadata,
        spec: {
          groups: [
            {
              name: 'web',
              rules: Array(8).fill({
                alert: 'WebDown',
                expr: 'up{job="web"} == 0',
                for: '5m',
                labels: { severity: 'page' },
              }),
            },
          ],
        },
      };
    default:
      return {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata,
        spec: {
          rules: [
            {
              host: 'shop.example',
              http: {
                paths: [
                  {
                    path: '/',
                    pathType: 'Prefix',
                    backend: { service: { name: 'web', port: { number: 80 } } },
                  },
                ],
              },
            },
          ],
        },
      };
  }
};

function stream(bytes: number, make: (index: number) => object): string {
  const parts: string[] = [];
  let length = 0;
  for (let index = 0; length < bytes; index += 1) {
    const part = `---\n${stringify(make(index), { aliasDuplicateObjects: false })}`;
    parts.push(part);
    length += part.length;
  }
  return parts.join('');
}

const inputs: readonly (readonly [name: string, file: string, text: () => string])[] = [
  ['4 MB of YAML, every document a Deployment', 'workloads.yaml', () => stream(4e6, workload)],
  [
    '10 MB of YAML, every sixth document a Deployment',
    'ordinary.yaml',
    () => stream(10e6, (index) => (index % 6 === 0 ? workload(index) : other(index))),
  ],
  [
    '25 MB of JSON, one List, every sixth item a Deployment',
    'list.json',
    () => {
      const items: object[] = [];
      for (let index = 0, length = 0; length < 25e6; index += 1) {
        const item = index % 6 === 0 ? workload(index) : other(index);
        items.push(item);
        length += JSON.stringify(item, undefined, 4).length * 1.35;
      }
      return JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 4);
    },
  ],
];

const folder = await mkdtemp(join(tmpdir(), 'imds-proxy-bench-inject-'));
try {
  const pack = [join(root, 'build/package.ts'), '--outdir', folder];
  const { stdout } = await promisify(execFile)(process.execPath, pack);
  await promisify(execFile)('tar', ['-xzf', stdout.trim(), '-C', folder]);
  const program = join(folder, 'package/inject.js');
  const yq = findGoTool('yq');
  const flags = [
    'inject',
    '--proxy-image=registry.example/p:1',
    '--init-image=registry.example/i:1',
  ];
  const rows: string[] = [];
  for (const [name, file, text] of inputs) {
    const path = join(folder, file);
    await writeFile(path, text());
    const out = join(folder, 'out');
    const node = ['--max-semi-space-size=4', program, ...flags, path];
    const ours = await best(runs, process.execPath, node, out);
    const written = (await stat(out)).size / 1e6;
    const theirs = yq && (await best(runs, yq, ['.metadata.labels.x = "y"', path], out));
    const ratio = theirs ? (ours.seconds / theirs.seconds).toFixed(1) : '–';
    rows.push(
      `| ${name} | ${show(ours)} | ${written.toFixed(0)} MB | ${theirs ? show(theirs) : 'not there'} | ${ratio} |`,
    );
    process.stderr.write(`${rows.at(-1)}\n`);
  }
  const [cpu] = cpus();
  await writeFile(
    join(root, 'docs/benchmarks-inject.md'),
    `# Speed and memory of inject

Written by \`npm run bench:inject\` on ${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model.trim()}, load average
${loadavg()[0]?.toFixed(1)} at the end.
The median time and the highest peak of ${runs} runs, start included. \`yq\` 4.54 adds one label to each document,
which is far less than the output of \`inject\`.

| input | inject | it writes | yq | inject ÷ yq |
|---|---|---|---|---|
${rows.join('\n')}

The aim is twice yq's time on ordinary streams, and less than 200 MB.
`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
