/** What the API itself does not know: kustomize's files, built by kustomize, and the Prometheus Operator's kinds. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { version } from '../../../build/version.ts';
import { isCi } from '../../support/ci.ts';
import { installKubectl } from '../../support/kubectl.ts';
import { findTypeFaults } from '../../support/kubernetes-types.ts';
import { installOperatorTypes } from '../../support/operator-types.ts';

const deploy = join(import.meta.dirname, '../../../deploy');
const hookTimeoutMs = 300_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imds-proxy-added-kinds-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Skips with the reason what cannot be installed here; under CI, which installs all else as well, it fails. */
function orSkip<T>(installed: T | Error, skip: (reason: string) => void): T {
  if (!(installed instanceof Error)) return installed;
  if (!isCi) skip(installed.message);
  throw installed;
}

const toError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));

describe('kustomize', () => {
  let kubectl: Awaited<ReturnType<typeof installKubectl>> | Error;
  beforeAll(async () => {
    kubectl = await installKubectl(join(folder, 'kubectl')).catch(toError);
  }, hookTimeoutMs);

  it('builds the example with the component: the init first, the proxy next, our images', async ({
    skip,
  }) => {
    const deployment = parse(await orSkip(kubectl, skip)('kustomize', join(deploy, 'example')));
    expect(findTypeFaults(deployment)).toEqual([]);
    const { metadata, spec } = deployment.spec.template;
    expect(metadata.labels).toHaveProperty(['azure.workload.identity/use'], 'true');
    const toPair = ({ name, image }: { name: string; image: string }) => [name, image];
    expect(spec.initContainers.map(toPair)).toEqual([
      ['azwi-proxy-init', `registry.example/imds-proxy/proxy-init:${version}`],
      ['azwi-proxy', `registry.example/imds-proxy/proxy:${version}`],
      ['migrate', 'registry.example/legacy-app:1'],
    ]);
    expect(spec.containers.map(toPair)).toEqual([['app', 'registry.example/legacy-app:1']]);
  });

  it('adds nothing to a Deployment without the label', async ({ skip }) => {
    const copy = join(folder, 'unlabelled');
    await cp(deploy, copy, { recursive: true });
    const file = join(copy, 'example/deployment.yaml');
    const manifest = await readFile(file, 'utf8');
    await writeFile(file, manifest.replace('imds-proxy: enabled', 'imds-proxy: disabled'));
    const deployment = parse(await orSkip(kubectl, skip)('kustomize', join(copy, 'example')));
    expect(JSON.stringify(deployment)).not.toContain('azwi-proxy');
  });

  it.for([
    ['example/kustomization.yaml', 'components:', 'component:'],
    ['component/kustomization.yaml', 'newTag:', 'newtags:'],
  ] as const)('would refuse %s with %s written %s', async ([path, from, to], { skip }) => {
    const build = orSkip(kubectl, skip);
    const copy = await mkdtemp(join(folder, 'spoilt-'));
    await cp(deploy, copy, { recursive: true });
    const file = join(copy, path);
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll(from, to));
    const field = to.replace(':', '');
    await expect(build('kustomize', join(copy, 'example'))).rejects.toThrow(
      new RegExp(`invalid Kustomization: .*unknown field .?"${field}`),
    );
  });
});

describe('for the Prometheus Operator', () => {
  let findFaults: Awaited<ReturnType<typeof installOperatorTypes>> | Error;
  beforeAll(async () => {
    findFaults = await installOperatorTypes(join(folder, 'types')).catch(toError);
  }, hookTimeoutMs);
  const read = async (file: string) =>
    parse(await readFile(join(deploy, 'monitoring', file), 'utf8'));

  it.for([
    ['PodMonitor', 'pod-monitor.yaml'],
    ['PrometheusRule', 'prometheus-rules.yaml'],
  ] as const)('the %s has only fields that the operator knows', async ([kind, file], { skip }) => {
    expect(await orSkip(findFaults, skip)(kind, await read(file))).toEqual([]);
  });

  it('a field or a value that it does not know would be found', async ({ skip }) => {
    const find = orSkip(findFaults, skip);
    const monitor = await read('pod-monitor.yaml');
    const [endpoint] = monitor.spec.podMetricsEndpoints;
    const withEndpoint = (more: object) => ({
      ...monitor,
      spec: { ...monitor.spec, podMetricsEndpoints: [{ ...endpoint, ...more }] },
    });
    expect(await find('PodMonitor', withEndpoint({ intervall: '60s' }))).toEqual([
      expect.stringContaining(`'"intervall"' does not exist`),
    ]);
    expect(await find('PodMonitor', withEndpoint({ path: 9808 }))).toEqual([
      expect.stringContaining("Type 'number' is not assignable to type 'string"),
    ]);
    const rule = await read('prometheus-rules.yaml');
    const withGroup = { ...rule, spec: { groups: [{ name: 'x', rule: [] }] } };
    expect(await find('PrometheusRule', withGroup)).toEqual([
      expect.stringContaining(`'"rule"' does not exist`),
    ]);
  });
});
