import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { imageFlags, runInjectOn } from '../../support/inject.ts';

const inject = (spec: object, container: object, flags: readonly string[] = []) =>
  runInjectOn('inject', [...imageFlags, ...flags], {
    stdin: stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: { ...spec, containers: [{ name: 'c', image: 'x', ...container }] },
    }),
  });
const affinity = (...terms: readonly object[][]): object => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: terms.map((matchExpressions) => ({ matchExpressions })),
      },
    },
  },
});
const is = (operator: string, ...values: string[]): object => ({
  key: 'kubernetes.io/os',
  operator,
  values,
});

describe('pods in which the proxy cannot work', () => {
  it.each<[name: string, spec: object, container?: object]>([
    ['spec.os', { os: { name: 'windows' } }],
    ['kubernetes.io/os', { nodeSelector: { 'kubernetes.io/os': 'windows' } }],
    ['beta.kubernetes.io/os', { nodeSelector: { 'beta.kubernetes.io/os': 'windows' } }],
    ['windowsOptions of the pod', { securityContext: { windowsOptions: { hostProcess: true } } }],
    ['windowsOptions of a container', {}, { securityContext: { windowsOptions: {} } }],
    ['required affinity', affinity([is('In', 'windows')])],
    ['required affinity without Linux', affinity([is('NotIn', 'linux')], [is('In', 'windows')])],
    ['virtual nodes', { nodeSelector: { type: 'virtual-kubelet' } }],
    ['hostNetwork', { hostNetwork: true }],
  ])('%s: a warning by default, an error on request', async (_, spec, container = {}) => {
    const warned = await inject(spec, container);
    expect(warned.stderr).toMatch(
      /Pod web: warning: not injected: .*(?:Windows|virtual nodes|hostNetwork)/,
    );
    expect([warned.exitCode, warned.stdout.includes('azwi')]).toEqual([0, false]);
    const failed = await inject(spec, container, ['--on-unsupported=fail']);
    expect(failed.stderr).toMatch(/^stdin:\d+:\d+: document 1: Pod web: error: /m);
    expect(failed.exitCode).toBe(1);
  });

  it.each<[name: string, spec: object]>([
    ['affinity that allows Linux too', affinity([is('In', 'windows', 'linux')])],
    ['one of two alternatives', affinity([is('In', 'windows')], [is('In', 'linux')])],
    ['another system', { nodeSelector: { 'kubernetes.io/os': 'linux' }, os: { name: 'linux' } }],
    ['a toleration of virtual nodes', { tolerations: [{ key: 'virtual-kubelet.io/provider' }] }],
  ])('are not those with %s', async (_, spec) => {
    expect((await inject(spec, {})).stdout).toContain('azwi-proxy');
  });
});

it('knows the octal numbers of YAML 1.1, in which 02735 is the user of the proxy', async () => {
  const stdin =
    'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  securityContext: {runAsUser: 02735, runAsGroup: 02735}\n  containers: [{name: c, image: x}]\n';
  const { exitCode, stderr } = await runInjectOn('inject', imageFlags, { stdin });
  expect(stderr).toContain('container c runs as user 1501');
  expect(exitCode).toBe(1);
});

describe('a namespace of the input that enforces Pod Security', () => {
  const namespace = (level: string): string =>
    `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {pod-security.kubernetes.io/enforce: ${level}}\n---\n`;
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec:\n  serviceAccountName: sa\n  containers: [{name: c, image: x}]\n';

  it.each(['baseline', 'restricted'])('%s gets a note', async (level) => {
    const { stderr } = await runInjectOn('inject', imageFlags, { stdin: namespace(level) + pod });
    expect(stderr).toContain(
      `note: its namespace enforces Pod Security ${level}, which refuses NET_ADMIN`,
    );
    expect(stderr).toContain(
      'pods need Pod Security level privileged, for NET_ADMIN, in: shop (1)\n',
    );
  });

  it('does not if it is privileged, another one, or if there is no redirect', async () => {
    const [proxyImage = ''] = imageFlags;
    for (const [stdin, flags] of [
      [namespace('privileged') + pod, imageFlags],
      [namespace('baseline').replace('shop', 'other') + pod, imageFlags],
      [namespace('restricted') + pod, [proxyImage, '--no-redirect', '--header-secret=x']],
    ] as const) {
      const { stderr } = await runInjectOn('inject', flags, { stdin });
      expect(stderr).toContain('injected');
      expect(stderr).not.toContain('note:');
    }
  });
});
