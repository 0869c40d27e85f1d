import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dist } from '../../support/proxy-process.ts';
import { cases } from '../../unit/doctor/files/causes.ts';
import { healthyText, shopWith } from '../../unit/doctor/files/namespace.ts';

const root = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'doctor files '));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function doctor(argv: readonly string[], stdin = ''): Promise<Run> {
  const child = spawn(join(dist, 'proxy'), ['doctor', ...argv], { stdio: 'pipe' });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (part) => {
    output.stdout += part;
  });
  child.stderr.on('data', (part) => {
    output.stderr += part;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const [exitCode] = await once(child, 'close');
  return { exitCode, ...output };
}

/** The rows of the 3 a.m. table that need a kubelet. */
const atNight = [
  'ServiceAccount without annotation',
  'object ID in place of the client ID, and the identity is in the input',
  'object ID in place of the client ID, and the application ended with 700016',
  'webhook absent',
  'redirect missing',
  'redirect of another port',
  'application as uid 1501',
  'runAsUser of the pod',
  'federated token missing',
  'federated token of another audience',
  'federated token that the proxy may not read',
  'proxy killed by its liveness probe',
  'proxy out of memory',
  'memory limit under the minimum',
  'admin port taken',
];

describe('the output of kubectl get', () => {
  it('of a healthy namespace has no fault', async () => {
    const { exitCode, stdout, stderr } = await doctor(['-'], healthyText());
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^proxy doctor, from standard input\n\nok {4}input/);
  });

  it.each(atNight)('leads to the cause in the first line: %s', async (title) => {
    const { change, cause, says } = cases.find((one) => one.title === title) ?? {
      change: () => {},
    };
    const { exitCode, stdout } = await doctor(['-'], shopWith(change));
    const [, , first = '', ...rest] = stdout.split('\n');
    expect(first).toMatch(new RegExp(`^fail  ${cause} `));
    expect(first).toMatch(says ?? /never/);
    expect(rest.find((line) => line.trim().startsWith('fix: '))).toBeDefined();
    expect(exitCode).toBe(1);
  });

  it('makes the report that docs/doctor.md shows', async () => {
    const shown = [
      'ServiceAccount without annotation',
      'memory limit under the minimum',
      'proxy out of memory',
    ];
    const text = shopWith((shop) => {
      for (const title of shown) cases.find((one) => one.title === title)?.change(shop);
    });
    const { stdout } = await doctor(['-'], text);
    const document = readFileSync(join(root, 'docs/doctor.md'), 'utf8');
    expect(document).toContain(`\`\`\`text\n${stdout}\`\`\``);
  });

  it('comes from files and folders as well, whose names may have spaces', async () => {
    writeFileSync(
      join(folder, 'pods.yaml'),
      shopWith(({ pods }) => {
        pods[1].spec.hostNetwork = true;
      }),
    );
    for (const path of [folder, join(folder, 'pods.yaml')]) {
      const { exitCode, stdout } = await doctor(['--output=json', path]);
      expect(exitCode).toBe(1);
      const { checks, summary } = JSON.parse(stdout);
      expect(checks[0]).toMatchObject({ id: 'host-network', status: 'fail' });
      expect(checks[0].summary).toMatch(/^1 pod of Deployment shop\/web \(web-6d5f7c9b84-x7vtd\)/);
      expect(summary.fail).toBe(1);
    }
  });

  it('may lie in a folder with files of other kinds', async () => {
    const chart = mkdtempSync(join(folder, 'chart-'));
    writeFileSync(join(chart, 'values.yaml'), 'image: x\n');
    writeFileSync(join(chart, 'pods.yaml'), healthyText());
    expect(await doctor([chart])).toMatchObject({ exitCode: 0 });
    writeFileSync(join(chart, 'template.yaml'), 'kind: {{ .Values.kind }}\n');
    const warned = await doctor([chart]);
    expect(warned.exitCode).toBe(0);
    expect(warned.stdout).toMatch(/warn {2}input .*a part of the input cannot be read/);
    expect(await doctor([join(chart, 'template.yaml')])).toMatchObject({ exitCode: 1 });
    rmSync(chart, { recursive: true });
  });

  it('with two thousand pods fits beside the small heap of the proxy', async () => {
    const text = shopWith(({ items, pods }) => {
      for (let index = 0; index < 2_000; index += 1) {
        const pod = structuredClone(pods[0]);
        pod.metadata.name = `web-6d5f7c9b84-${index}`;
        pod.spec.initContainers[1].resources.limits.memory = '64Mi';
        items.push(pod);
      }
    });
    const { exitCode, stdout } = await doctor(['-'], text);
    expect(stdout.split('\n')[2]).toMatch(
      /^fail {2}memory-limit {2}2000 pods of Deployment shop\/web/,
    );
    expect(exitCode).toBe(1);
  });

  it('in a file that is too large is refused', async () => {
    const path = join(folder, 'endless.yaml');
    writeFileSync(path, '');
    truncateSync(path, 257 * 1_024 * 1_024);
    const { exitCode, stdout } = await doctor([path]);
    rmSync(path);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/fail {2}input {2}a part of the input cannot be read/);
    expect(stdout).toMatch(/it is larger than 256 MiB; split it/);
  });

  it('that nobody waits for ends the doctor quietly', async () => {
    const child = spawn(join(dist, 'proxy'), ['doctor', '-'], { stdio: ['pipe', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (part) => {
      stderr += part;
    });
    child.stdout.destroy();
    child.stdin.end(healthyText());
    const [exitCode] = await once(child, 'close');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  it('and other places do not go together', async () => {
    for (const argv of [
      ['--issuer=https://oidc.example.com', '-'],
      ['--token-file=x'],
      ['--public-key=x'],
      ['--pid=1', '-'],
      ['--log-level=info', '-'],
    ]) {
      expect(await doctor(argv)).toMatchObject({ exitCode: 2, stdout: '' });
    }
  });
});
