import { describe, expect, it } from 'vitest';
import { imageFlags, runInjectOn } from '../../support/inject.ts';

const pod = (name: string, namespace: string, metadata: object = {}): string =>
  `${JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: { template: { metadata, spec: { containers: [{ name: 'c', image: 'x' }] } } },
  })}\n`;

const stdin =
  pod('web', 'shop', { labels: { app: 'web', tier: 'front' } }) +
  pod('api', 'shop', { labels: { app: 'api' }, annotations: { 'example.com/team': 'a' } }) +
  pod('web-job', 'batch', { labels: { app: 'job' }, annotations: { 'example.com/team': 'b' } });

const selected = async (...flags: string[]): Promise<readonly string[]> => {
  const { stderr } = await runInjectOn('inject', [...imageFlags, ...flags], { stdin });
  return [...stderr.matchAll(/Deployment (\S+): injected/g)].map(([, name = '']) => name);
};

describe('the workloads that are meant', () => {
  it.each<[flags: string[], names: string[]]>([
    [['--only=web'], ['shop/web']],
    [['--only=web*'], ['shop/web', 'batch/web-job']],
    [['--only=shop/Deployment/*'], ['shop/web', 'shop/api']],
    [['--only=*/deployment/api'], ['shop/api']],
    [
      ['--only=web', '--only=batch/*/*'],
      ['shop/web', 'batch/web-job'],
    ],
    [['--except=shop/*/*'], ['batch/web-job']],
    [['--only=web*', '--except=web'], ['batch/web-job']],
    [['--selector=app=web'], ['shop/web']],
    [['--selector=tier!=front'], ['shop/api', 'batch/web-job']],
    [['--selector=app in (web, job),!tier'], ['batch/web-job']],
    [['--selector=tier'], ['shop/web']],
    [['--selector=app notin (web)'], ['shop/api', 'batch/web-job']],
    [['--annotation=example.com/team'], ['shop/api', 'batch/web-job']],
    [['--annotation=example.com/team=a'], ['shop/api']],
    [['--annotation=example.com/team=a', '--annotation=none'], []],
  ])('%j', async (flags, names) => {
    expect(await selected(...flags)).toEqual(names);
  });

  it.each(['--selector=a=b=c', '--selector==x', '--annotation==x', '--except=a/b/c/d'])(
    '%s is refused',
    async (flag) => {
      const { exitCode } = await runInjectOn('inject', [...imageFlags, flag], { stdin });
      expect(exitCode).toBe(2);
    },
  );
});

describe('pods that say whether they want the proxy', () => {
  const upstream = 'azure.workload.identity/inject-proxy-sidecar';
  const aks = 'azure.workload.identity/proxy';
  const use = 'azure.workload.identity/use';

  it.each([
    ['annotations', upstream],
    ['annotations', aks],
    ['labels', use],
  ])('%s %s: "false" opts out', async (map, key) => {
    for (const value of ['false', 'False', false]) {
      const input = pod('web', 'shop', { [map]: { [key]: value } });
      const { stdout, stderr, exitCode } = await runInjectOn('inject', imageFlags, {
        stdin: input,
      });
      expect([stdout, exitCode]).toEqual([input, 0]);
      expect(stderr).toContain(`unchanged (opted out by ${map.slice(0, -1)} ${key}: "${value}")`);
      const all = await runInjectOn('inject', [...imageFlags, '--ignore-opt-out'], {
        stdin: input,
      });
      expect(all.stdout).toContain('azwi-proxy');
    }
  });

  it.each([upstream, aks])(
    'annotation %s: "true" is selected by --annotated, and removed',
    async (key) => {
      const input = pod('web', 'shop', { annotations: { [key]: 'true' } }) + pod('api', 'shop');
      const { stdout, stderr } = await runInjectOn('inject', [...imageFlags, '--annotated'], {
        stdin: input,
      });
      expect(stderr).toContain('Deployment shop/web: injected');
      expect(stderr).toContain(`annotation ${key} removed`);
      expect(stderr).toMatch(/Deployment shop\/api: unchanged \(not selected: no annotation/);
      expect((await runInjectOn('uninject', [], { stdin: stdout })).stdout).toBe(input);
    },
  );

  it.each<[annotations: object, flags: string[]]>([
    [{ [upstream]: 'yes' }, []],
    [{ [aks]: '1' }, []],
    [{ [upstream]: '' }, ['--annotated']],
    [{ [upstream]: null }, []],
    [{ [upstream]: 'true', [aks]: 'flase' }, ['--annotated']],
  ])('annotations %j say neither yes nor no, which is an error', async (annotations, flags) => {
    const input = pod('web', 'shop', { annotations });
    const run = (...more: string[]) =>
      runInjectOn('inject', [...imageFlags, ...flags, ...more], { stdin: input });
    const { stdout, stderr, exitCode } = await run();
    expect([stdout, exitCode]).toEqual([input, 1]);
    expect(stderr).toMatch(/neither "true" nor "false"; set it to "true" for the proxy/);
    expect((await run('--ignore-opt-out')).stdout).toContain('azwi-proxy');
  });

  it('a "false" wins over a "true"', async () => {
    for (const annotations of [
      { [upstream]: 'true', [aks]: 'false' },
      { [upstream]: 'FALSE', [aks]: 'true' },
    ]) {
      const { stderr } = await runInjectOn('inject', [...imageFlags, '--annotated'], {
        stdin: pod('web', 'shop', { annotations }),
      });
      expect(stderr).toMatch(/unchanged \((opted out|not selected)/);
    }
  });
});
