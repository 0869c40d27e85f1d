import { describe, expect, it } from 'vitest';
import { imageFlags, runInjectOn } from '../../support/inject.ts';

const pod =
  'apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  serviceAccountName: sa\n  containers:\n  - name: app\n    image: x\n';
const service = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n---\n';
const files = { 'a.yaml': `${service}${pod}`, 'b.yaml': service };
const names = Object.keys(files);

const inject = (argv: readonly string[], setting = { files } as object) =>
  runInjectOn('inject', [...imageFlags, ...argv], setting);

describe('--check', () => {
  it('exits with 1 if something would change, and prints and writes nothing', async () => {
    const { stdout, written, exitCode, stderr } = await inject(['--check', ...names]);
    expect([stdout, written.size, exitCode]).toEqual(['', 0, 1]);
    expect(stderr).toContain('check: nothing was printed or written\n');
    expect(stderr).toMatch(/1 changed, 2 unchanged, 0 failed\n$/);
  });

  it('exits with 0 when everything is injected', async () => {
    const { stdout } = await inject(['a.yaml']);
    expect((await inject(['--check'], { stdin: stdout })).exitCode).toBe(0);
    const uncheck = await runInjectOn('uninject', ['--check'], { stdin: stdout });
    expect(uncheck.exitCode).toBe(1);
  });
});

describe('--diff', () => {
  it('prints a unified diff that patch applies, and writes nothing', async () => {
    const { stdout, written, exitCode } = await inject(['--diff', ...names]);
    expect([written.size, exitCode]).toEqual([0, 0]);
    expect(stdout).toMatch(/^--- a\.yaml\n\+\+\+ a\.yaml\n@@ -\d+,\d+ \+\d+,\d+ @@\n/);
    expect(stdout).not.toContain('b.yaml');
    const result = await inject(['a.yaml']);
    expect(applyDiff(files['a.yaml'], stdout)).toBe(result.stdout);
  });

  it('keeps counting lines over several documents of a file', async () => {
    const stdin = [pod, service.replace('---\n', ''), pod.replace('web', 'api'), pod].join('---\n');
    const { stdout } = await inject(['--diff'], { stdin });
    expect(stdout.match(/^@@ /gm)?.length).toBe(3);
    expect(applyDiff(stdin, stdout)).toBe((await inject([], { stdin })).stdout);
  });
});

describe('--report', () => {
  it('is JSON on standard error, and nothing else', async () => {
    const { stderr } = await inject(['--report=json', ...names]);
    const report = JSON.parse(stderr);
    expect(report.counts).toEqual({ changed: 1, unchanged: 2, skipped: 0, ignored: 0, failed: 0 });
    expect(report.objects[1]).toEqual({
      input: 'a.yaml',
      document: 2,
      line: 6,
      column: 1,
      kind: 'Pod',
      namespace: 'shop',
      name: 'web',
      outcome: 'injected',
      notes: [],
    });
    expect(report.objects[0]).toMatchObject({ outcome: 'unchanged', reason: 'makes no pods' });
  });

  it('goes to a file beside the text', async () => {
    const { stderr, written } = await inject(['--report-file=out.json', '--dry-run', ...names]);
    expect(stderr).toContain('Pod shop/web: injected');
    expect(stderr).toContain('dry run: nothing was printed or written');
    expect(JSON.parse(written.get('out.json') ?? '')).toMatchObject({
      command: 'inject',
      output: 'none',
    });
  });

  it('that cannot be written is an error', async () => {
    const { exitCode, stderr } = await inject(['--report-file=out.json', '--dry-run', 'a.yaml'], {
      files,
      writeError: new Error('EROFS'),
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('out.json: error: it cannot be written: EROFS');
  });
});

it.each([[['--check', '--diff']], [['--in-place', '--check']], [['--in-place', '--diff']]])(
  '%j exclude each other',
  async (flags) => {
    const { exitCode, stderr } = await inject([...flags, 'a.yaml']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('exclude one another');
  },
);

/** Applies a unified diff of one file as `patch` does, and fails where a line of it does not match. */
function applyDiff(text: string, diff: string): string {
  const lines = text.split('\n');
  const result: string[] = [];
  let at = 0;
  for (const hunk of diff.split(/^@@ /m).slice(1)) {
    const [head = '', ...body] = hunk.split('\n');
    const [, from = '', to = ''] = /^-(\d+),\d+ \+(\d+),/.exec(head) ?? [];
    while (at < Number(from) - 1) result.push(lines[at++] ?? '');
    expect(result).toHaveLength(Number(to) - 1);
    for (const line of body.slice(0, -1)) {
      if (line.startsWith('+')) result.push(line.slice(1));
      else {
        expect(line.slice(1)).toBe(lines[at]);
        at += 1;
        if (line.startsWith(' ')) result.push(line.slice(1));
      }
    }
  }
  return [...result, ...lines.slice(at)].join('\n');
}
