import { describe, expect, it } from 'vitest';
import { type InjectSetting, imageFlags, runInjectOn } from '../../support/inject.ts';

const pod = (name: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\nspec:\n  serviceAccountName: sa\n  containers:\n  - name: app\n    image: x\n`;
const service = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n';

const inject = (argv: readonly string[], setting: InjectSetting) =>
  runInjectOn('inject', [...imageFlags, ...argv], setting);

describe('input and output', () => {
  it('reads standard input when nothing else is named, or when - is', async () => {
    for (const argv of [[], ['-'], ['-f', '-'], ['--f=-']]) {
      const { stdout, exitCode } = await inject(argv, { stdin: pod('a') });
      expect(stdout).toContain('azwi-proxy');
      expect(exitCode).toBe(0);
    }
  });

  it('asks for input instead of waiting for somebody to type manifests', async () => {
    const { exitCode, stderr } = await inject([], {});
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^inject: name a file or folder, or pipe manifests in\n/);
  });

  it('joins files into one stream, with a marker where one is missing', async () => {
    const files = {
      'a.yaml': service,
      'b.json': '{"apiVersion":"v1","kind":"ConfigMap"}',
      'c.yml': `---\n${service}`,
    };
    const { stdout, stderr } = await inject(['a.yaml', '-f', 'b.json', 'c.yml'], { files });
    // Files that flags name come first.
    // kubectl takes a stream that begins with a brace for JSON alone.
    expect(stdout).toBe(`---\n${files['b.json']}\n---\n${service}${files['c.yml']}`);
    expect(stderr).toContain('c.yml:2: document 1: Service web: unchanged (makes no pods)\n');
  });

  it('takes what looks like a manifest from a folder, and nothing hidden', async () => {
    const files = {
      'app/b.yaml': pod('b'),
      'app/a/a.YML': pod('a'),
      'app/README.md': 'words',
      'app/.git/x.yaml': 'kind: [',
      'app/kustomization.yaml': 'resources: [b.yaml]',
      'app/c.json': '{"apiVersion":"v1","kind":"ConfigMap"}',
    };
    const { exitCode, stderr } = await inject(['app'], { files });
    expect(stderr.match(/^app\S+(?=:\d+: document)/gm)).toEqual([
      'app/a/a.YML',
      'app/b.yaml',
      'app/c.json',
    ]);
    expect(exitCode).toBe(0);
  });

  it('follows a folder whose own path is hidden', async () => {
    const { exitCode } = await inject(['./.deploy/'], { files: { './.deploy//a.yaml': pod('a') } });
    expect(exitCode).toBe(0);
  });

  it('writes only the files that change, in place', async () => {
    const files = { 'a.yaml': pod('a'), 'b.yaml': service };
    const { stdout, written, exitCode } = await inject(['--in-place', 'a.yaml', 'b.yaml'], {
      files,
    });
    expect(stdout).toBe('');
    expect([...written.keys()]).toEqual(['a.yaml']);
    expect(written.get('a.yaml')).toContain('azwi-proxy');
    expect(exitCode).toBe(0);
  });

  it('reports and does nothing else in a dry run', async () => {
    for (const argv of [['--dry-run'], ['--dry-run', '--in-place']]) {
      const { stdout, stderr, written, exitCode } = await inject([...argv, 'a.yaml'], {
        files: { 'a.yaml': pod('a') },
      });
      expect([stdout, written.size, exitCode]).toEqual(['', 0, 0]);
      expect(stderr).toContain('Pod a: injected');
    }
  });

  it('continues with the rest when an input cannot be had, and exits 1', async () => {
    const denied = Object.assign(new Error('EACCES'), { code: 'EACCES' });
    const files = {
      'a.yaml': pod('a'),
      'b.yaml': denied,
      'c.yaml': new Error('it is not UTF-8; convert it first'),
      'd/x.txt': '',
    };
    const { exitCode, stdout, stderr } = await inject(
      ['none.yaml', 'a.yaml', 'b.yaml', 'c.yaml', 'd'],
      { files },
    );
    expect(exitCode).toBe(1);
    expect(stdout).toContain('azwi-proxy');
    expect(stderr).toContain('none.yaml: error: there is no such file or folder; check the path\n');
    expect(stderr).toContain('b.yaml: error: it may not be read; check its permissions\n');
    expect(stderr).toContain(
      'c.yaml: error: it cannot be read: it is not UTF-8; convert it first\n',
    );
    expect(stderr).toContain(
      'd: error: there is no .yaml, .yml or .json file in this folder; name another\n',
    );
    expect(stderr).toMatch(/1 changed, 0 unchanged, 4 failed\n$/);
  });

  it('exits 1 when a file cannot be written', async () => {
    const files = { 'a.yaml': pod('a') };
    const { exitCode, stderr } = await inject(['--in-place', 'a.yaml'], {
      files,
      writeError: new Error('EROFS'),
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('a.yaml: error: it cannot be written: EROFS\n');
  });

  it('exits 1 when nobody reads on', async () => {
    const { exitCode, stderr } = await inject([], {
      stdin: pod('a'),
      writeError: new Error('write EPIPE'),
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('stdout: error: it cannot be written: write EPIPE\n');
    expect(stderr).toMatch(/1 changed, 0 unchanged, 1 failed\n$/);
  });

  it('keeps the byte order mark of a file', async () => {
    const { stdout } = await inject([], { stdin: `\uFEFF${pod('a')}` });
    expect(stdout.startsWith('\uFEFFapiVersion: v1\n')).toBe(true);
    const undone = await runInjectOn('uninject', [], { stdin: stdout });
    expect(undone.stdout).toBe(`\uFEFF${pod('a')}`);
  });

  it('keeps Windows line ends and writes its own lines with them', async () => {
    const windows = pod('a').replaceAll('\n', '\r\n');
    const { stdout } = await inject([], { stdin: windows });
    expect(stdout).toContain('azwi-proxy\r\n');
    expect(stdout.replaceAll('\r\n', '')).not.toContain('\n');
    expect((await runInjectOn('uninject', [], { stdin: stdout })).stdout).toBe(windows);
  });
});

describe('--only', () => {
  const files = { 'a.yaml': `${pod('a')}---\n${pod('b')}` };

  it('changes the named workload and nothing else', async () => {
    const { stderr, exitCode } = await inject(['--only=pod/b', 'a.yaml'], { files });
    expect(stderr).toContain('Pod a: unchanged (not selected)');
    expect(stderr).toContain('Pod b: injected');
    expect(exitCode).toBe(0);
  });

  it('complains of a name that is not there', async () => {
    const { stderr, exitCode } = await inject(['--only=a,Deployment/b', 'a.yaml'], { files });
    expect(stderr).toContain(
      'inject: error: --only names Deployment/b, which is not in the input\n',
    );
    expect(exitCode).toBe(1);
  });
});

describe('malformed command lines', () => {
  it.each<[argv: string[], message: RegExp]>([
    [['--nope'], /unknown flag --nope/],
    [['-f'], /--f needs a value/],
    [['--proxy-port=0'], /--proxy-port: "0" is not a valid port/],
    [['--proxy-port=9808'], /--proxy-port and --admin-port are both 9808/],
    [['--proxy-image='], /--proxy-image: "" is not an image/],
    [['--proxy-image=a b'], /--proxy-image: "a b" is not an image/],
    [['--classic', '--native-sidecar'], /contradict each other/],
    [
      ['--memory-request=256Mi'],
      /--memory-request=256Mi is above the limit of 128Mi.*--memory-limit=256Mi/,
    ],
    [['--memory-limit=33000Ki', '--memory-request=1Gi'], /above the limit of 33000Ki/],
    [['--cpu-limit=100m', '--cpu-request=0.2'], /--cpu-request=0\.2 is above the limit of 100m/],
    [['--log-level=loud'], /--log-level: "loud" is an invalid log level/],
    [['--memory-limit=lots'], /--memory-limit: "lots" is not a quantity/],
    [['--proxy-env=1=2'], /--proxy-env: "1=2" is not a variable/],
    [
      ['--proxy-env=A=b', '--proxy-env=c', '--init-env=d'],
      /--proxy-env: "c" is not[\s\S]*--init-env: "d" is not/,
    ],
    [
      ['--client-id=5a5f5ac6-94ab-4ad8-8a0f-1ef5a9a07e08'],
      /--client-id has no effect beside the webhook/,
    ],
    [
      ['--token-proxy-ca=x', '--token-containers=none'],
      /--token-containers has no[\s\S]*--token-proxy-ca has no/,
    ],
    [['--webhook=absent', '--client-id=me'], /--client-id: "me" is not a GUID/],
    [['--webhook=absent', '--tenant-id=common'], /--tenant-id: "common" means any tenant/],
    [
      ['--webhook=absent', '--identity-binding'],
      /--identity-binding and --token-proxy go together/,
    ],
    [['--webhook=absent', '--token-proxy=https://x'], /go together/],
    [
      ['--webhook=absent', '--token-proxy=http://x'],
      /--token-proxy: "http:\/\/x" is not an https URL/,
    ],
    [['--token-containers=A_b'], /--token-containers: "A_b" is not a list of containers/],
    [['--only=a/b/c/d'], /names no workload/],
    [['--in-place'], /--in-place needs files or folders/],
    [['--in-place', 'a.yaml', '-'], /--in-place needs files or folders/],
  ])('%j is refused, exit code 2', async (argv, message) => {
    const { exitCode, stdout, stderr } = await inject(argv, { stdin: pod('a') });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/See inject --help\.\n$/);
    expect([exitCode, stdout]).toEqual([2, '']);
  });

  it('names both images when they are missing, since no default could be right', async () => {
    const { stderr } = await runInjectOn('inject', [], { stdin: pod('a') });
    expect(stderr).toContain(
      'inject: --proxy-image not set; name the image that was built from Dockerfile.proxy\n',
    );
    expect(stderr).toContain(
      'inject: --init-image not set; name the image that was built from Dockerfile.init\n',
    );
  });

  it('knows only its own flags in uninject', async () => {
    const { exitCode, stderr } = await runInjectOn('uninject', imageFlags, { stdin: pod('a') });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('unknown flag --proxy-image');
  });
});

describe('well-formed command lines', () => {
  it('take files and flags in any order, the last of a flag, and files behind --', async () => {
    const files = { 'a.yaml': pod('a'), '--b.yaml': pod('b') };
    const argv = ['a.yaml', '--proxy-port', '81', '--proxy-port=82', '--', '--b.yaml'];
    const { stdout, exitCode } = await inject(argv, { files });
    expect(stdout.match(/--proxy-port=\d+/g)).toEqual([
      '--proxy-port=82',
      '--proxy-port=82',
      '--proxy-port=82',
      '--proxy-port=82',
    ]);
    expect(exitCode).toBe(0);
  });

  it.each([
    [['--classic'], 'classic'],
    [['--native-sidecar=false'], 'classic'],
    [['--classic=false'], 'native'],
    [['--native-sidecar'], 'native'],
    [['--native-sidecar', '--classic=false'], 'native'],
  ])('%j makes a %s sidecar', async (argv, kind) => {
    const { stdout } = await inject(argv, { stdin: pod('a') });
    expect(stdout.includes('restartPolicy: Always') ? 'native' : 'classic').toBe(kind);
  });

  it('print help with every flag', async () => {
    for (const command of ['inject', 'uninject'] as const) {
      const { exitCode, stdout, stderr } = await runInjectOn(command, ['--help'], {});
      expect([exitCode, stderr]).toEqual([0, '']);
      expect(stdout).toContain(`Usage: proxy ${command} [flags]`);
      expect(stdout).toContain('--in-place\n');
      expect(stdout.includes('--proxy-image <image> (required)')).toBe(command === 'inject');
    }
  });
});
