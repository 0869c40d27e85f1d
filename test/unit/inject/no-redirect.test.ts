import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { imageFlags, runInjectOn } from '../../support/inject.ts';

interface Container {
  readonly name: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly securityContext?: { readonly capabilities?: unknown };
}

interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
}

const [proxyImage = '', initImage = ''] = imageFlags;
const inject = (stdin: string, ...flags: string[]) =>
  runInjectOn('inject', [proxyImage, '--no-redirect', '--header-key-variable=KEY', ...flags], {
    stdin,
    variables: { KEY: 'a key of sixteen bytes or more' },
  });
const injectWithoutKey = (stdin: string, ...flags: string[]) =>
  runInjectOn('inject', [proxyImage, '--no-redirect', ...flags], { stdin });
const uninject = async (stdin: string) => (await runInjectOn('uninject', [], { stdin })).stdout;

const pod = `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  serviceAccountName: sa
  initContainers:
  - name: migrate
    image: y
  containers:
  - name: app
    image: x
    env:
    - name: MODE # kept
      value: live
  - name: other
    image: z
`;

const specOf = (yaml: string): PodSpec => parse(yaml).spec;
const allOf = ({ initContainers = [], containers }: PodSpec) => [...initContainers, ...containers];
const variablesOf = ({ env = [] }: Container) =>
  Object.fromEntries(env.map(({ name, value }) => [name, value]));
const findIn = (yaml: string, name: string): Record<string, string> => {
  const found = allOf(specOf(yaml)).find((container) => container.name === name);
  if (found === undefined) throw new Error(`there is no container ${name}`);
  return variablesOf(found);
};
const secretIn = (yaml: string): string =>
  findIn(yaml, 'azwi-proxy')['IMDS_PROXY_IDENTITY_HEADER'] ?? '';

describe('a pod injected without the redirect', () => {
  it('has the proxy first, no proxy-init and no capability', async () => {
    const { stdout, exitCode } = await inject(pod);
    expect(exitCode).toBe(0);
    const containers = allOf(specOf(stdout));
    expect(containers.map(({ name }) => name)).toEqual(['azwi-proxy', 'migrate', 'app', 'other']);
    expect(containers[0]?.securityContext?.capabilities).toEqual({ drop: ['ALL'] });
    expect(stdout).not.toContain('NET_ADMIN');
  });

  it('leads every container of the application to the proxy, init containers too', async () => {
    const { stdout } = await inject(pod, '--proxy-port=8123');
    const secret = secretIn(stdout);
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    const endpoint = 'http://127.0.0.1:8123/msi/token';
    const variables = {
      IDENTITY_ENDPOINT: endpoint,
      IDENTITY_HEADER: secret,
      MSI_ENDPOINT: endpoint,
      MSI_SECRET: secret,
    };
    expect(findIn(stdout, 'migrate')).toEqual(variables);
    expect(findIn(stdout, 'app')).toEqual({ MODE: 'live', ...variables });
    expect(findIn(stdout, 'other')).toEqual(variables);
  });

  it('has a secret that no other workload has', async () => {
    const { stdout } = await inject(`${pod}---\n${pod.replace('name: web', 'name: api')}`);
    const [first = '', second = ''] = stdout.split('---\n');
    expect(secretIn(first)).not.toBe(secretIn(second));
  });

  it('is the same at each run, byte for byte, and another with another key', async () => {
    const { stdout } = await inject(pod);
    expect((await inject(pod)).stdout).toBe(stdout);
    const { stdout: other } = await runInjectOn(
      'inject',
      [proxyImage, '--no-redirect', '--header-key-file=key.txt'],
      { stdin: pod, files: { 'key.txt': 'another key of sixteen bytes\n' } },
    );
    expect(secretIn(other)).toMatch(/^[0-9a-f]{64}$/);
    expect(secretIn(other)).not.toBe(secretIn(stdout));
  });

  it('is refused without a key or a Secret, and both remedies are named', async () => {
    const { stdout, stderr, exitCode } = await injectWithoutKey(pod);
    expect([stdout, exitCode]).toEqual([pod, 1]);
    expect(stderr).toMatch(/--header-key-file or --header-key-variable .*--header-secret/);
  });

  it('takes its secret from a Secret, in the proxy and in the application', async () => {
    const { stdout, exitCode } = await injectWithoutKey(pod, '--header-secret=imds/token');
    expect(exitCode).toBe(0);
    const valueFrom = { secretKeyRef: { name: 'imds', key: 'token' } };
    const { initContainers, containers } = specOf(stdout);
    expect(initContainers?.[0]?.env).toEqual([{ name: 'IMDS_PROXY_IDENTITY_HEADER', valueFrom }]);
    expect(containers[1]?.env).toContainEqual({ name: 'IDENTITY_HEADER', valueFrom });
    expect(containers[1]?.env).toContainEqual({ name: 'MSI_SECRET', valueFrom });
    expect(await uninject(stdout)).toBe(pod);
  });

  it('keeps its secret when it is injected again without a key, whatever else changes', async () => {
    const { stdout: first } = await inject(pod);
    const { stdout: again, stderr } = await injectWithoutKey(first);
    expect(again).toBe(first);
    expect(stderr).toContain('already injected');
    const { stdout: classic } = await injectWithoutKey(first, '--classic', '--proxy-port=8123');
    expect(secretIn(classic)).toBe(secretIn(first));
    expect(findIn(classic, 'app')['IDENTITY_HEADER']).toBe(secretIn(first));
    expect(findIn(classic, 'app')['IDENTITY_ENDPOINT']).toBe('http://127.0.0.1:8123/msi/token');
    const { stdout: fromSecret } = await injectWithoutKey(pod, '--header-secret=imds');
    expect((await injectWithoutKey(fromSecret)).stdout).toBe(fromSecret);
  });

  it.each<[flags: string[], message: RegExp]>([
    [['--header-key-file=none'], /there is no key in none; write one into it/],
    [['--header-key-file=short'], /fewer than 16 bytes; make one with: openssl rand -hex 32/],
    [['--header-key-variable=NONE'], /NONE is not set/],
    [['--header-key-variable=1'], /NONE|is not set/],
    [['--header-key-file=key', '--header-secret=x'], /exclude one another/],
    [['--header-secret=A'], /--header-secret: "A" names no object/],
  ])('%j is refused, and the key is not shown', async (flags, message) => {
    const { exitCode, stderr } = await runInjectOn(
      'inject',
      [proxyImage, '--no-redirect', ...flags],
      { stdin: pod, files: { short: 'hunter2', key: 'hunter2hunter2hunter2' } },
    );
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('hunter2');
  });

  it('takes the secret that the command line has', async () => {
    const secret = 'f'.repeat(40);
    const { stdout } = await inject(pod, `--proxy-env=IMDS_PROXY_IDENTITY_HEADER=${secret}`);
    expect([secretIn(stdout), findIn(stdout, 'app')['MSI_SECRET']]).toEqual([secret, secret]);
  });

  it('is as it was when that is undone, byte for byte', async () => {
    expect(await uninject((await inject(pod)).stdout)).toBe(pod);
    expect(await uninject((await inject(pod, '--classic')).stdout)).toBe(pod);
  });

  it('changes to the redirect and back', async () => {
    const { stdout: without } = await inject(pod);
    const withRedirect = await runInjectOn('inject', imageFlags, { stdin: without });
    expect(withRedirect.stdout).toBe(
      (await runInjectOn('inject', imageFlags, { stdin: pod })).stdout,
    );
    expect(withRedirect.stdout).not.toContain('IDENTITY_HEADER');
    const { stdout: back } = await inject(withRedirect.stdout);
    expect(await uninject(back)).toBe(pod);
  });

  it('reports a container that has such variables already, and leaves them', async () => {
    const { stdout, stderr } = await inject(
      pod.replace('MODE # kept', 'IDENTITY_ENDPOINT').replace('live', 'http://elsewhere'),
    );
    expect(stderr).toContain('note: container app sets IDENTITY_ENDPOINT itself');
    expect(findIn(stdout, 'app')).toEqual({ IDENTITY_ENDPOINT: 'http://elsewhere' });
    expect(findIn(stdout, 'other')).toHaveProperty('IDENTITY_HEADER');
  });

  it('has no secret in the report', async () => {
    const { stdout, stderr } = await inject(pod);
    expect(stderr).not.toContain(secretIn(stdout));
  });

  it('may use the user of the proxy, which no rule exempts', async () => {
    const own = pod.replace('spec:\n', 'spec:\n  securityContext: {runAsUser: 1501}\n');
    expect((await inject(own)).exitCode).toBe(0);
    expect((await runInjectOn('inject', imageFlags, { stdin: own })).exitCode).toBe(1);
  });

  it('is still not one of the host network', async () => {
    const { stderr, exitCode } = await inject(
      pod.replace('spec:\n', 'spec:\n  hostNetwork: true\n'),
    );
    expect(exitCode).toBe(0);
    expect(stderr).toContain('would give its tokens to every process of the node');
  });
});

describe('the command line', () => {
  it('needs the image of proxy-init for the redirect only', async () => {
    const { exitCode, stderr } = await runInjectOn('inject', [proxyImage], { stdin: pod });
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--init-image not set')]);
  });

  it.each([initImage, '--init-env=A=b'])('refuses %s without the redirect', async (flag) => {
    const { exitCode, stderr } = await inject(pod, flag);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`${flag.split('=')[0]} has no effect with --no-redirect`);
  });
});
