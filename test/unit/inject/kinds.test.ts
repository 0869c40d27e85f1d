import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { imageFlags, runInjectOn } from '../../support/inject.ts';

const inject = (stdin: string, ...flags: string[]) =>
  runInjectOn('inject', [...imageFlags, ...flags], { stdin });

const pod = { spec: { serviceAccountName: 'sa', containers: [{ name: 'app', image: 'x' }] } };
const object = (apiVersion: string, kind: string, rest: object): string =>
  `${JSON.stringify({ apiVersion, kind, metadata: { name: 'web' }, ...rest })}\n`;

/** All lists of init containers in an object, wherever they are. */
const initsIn = (value: unknown): readonly string[][] => {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    key === 'initContainers' ? [part.map(({ name }: { name: string }) => name)] : initsIn(part),
  );
};
const pair = ['azwi-proxy-init', 'azwi-proxy'];

describe('kinds whose pod templates are known', () => {
  it.each<[apiVersion: string, kind: string, rest: object, pods: number]>([
    ['argoproj.io/v1alpha1', 'Rollout', { spec: { template: pod } }, 1],
    ['serving.knative.dev/v1', 'Service', { spec: { template: pod } }, 1],
    ['keda.sh/v1alpha1', 'ScaledJob', { spec: { jobTargetRef: { template: pod } } }, 1],
    ['apps.openshift.io/v1', 'DeploymentConfig', { spec: { template: pod } }, 1],
    ['apps.kruise.io/v1alpha1', 'CloneSet', { spec: { template: pod } }, 1],
    ['apps.kruise.io/v1beta1', 'StatefulSet', { spec: { template: pod } }, 1],
    ['kubeflow.org/v1', 'Notebook', { spec: { template: pod } }, 1],
    [
      'kubeflow.org/v1',
      'PyTorchJob',
      { spec: { pytorchReplicaSpecs: { Master: { template: pod }, Worker: { template: pod } } } },
      2,
    ],
    [
      'ray.io/v1',
      'RayCluster',
      {
        spec: {
          headGroupSpec: { template: pod },
          workerGroupSpecs: [{ template: pod }, { template: pod }],
        },
      },
      3,
    ],
    ['argoproj.io/v1alpha1', 'Experiment', { spec: { templates: [{ template: pod }] } }, 1],
    [
      'argoproj.io/v1alpha1',
      'AnalysisTemplate',
      { spec: { metrics: [{ provider: { job: { spec: { template: pod } } } }, { provider: {} }] } },
      1,
    ],
    ['batch.volcano.sh/v1alpha1', 'Job', { spec: { tasks: [{ template: pod }] } }, 1],
    ['batch/v1', 'CronJob', { spec: { jobTemplate: { spec: { template: pod } } } }, 1],
  ])('%s %s', async (apiVersion, kind, rest, pods) => {
    const input = object(apiVersion, kind, rest);
    const { stdout, stderr, exitCode } = await inject(input);
    expect(exitCode, stderr).toBe(0);
    expect(initsIn(parse(stdout))).toEqual(Array(pods).fill(pair));
    expect(stderr.match(/: injected$/gm)).toHaveLength(pods);
    if (pods > 1) expect(stderr).toMatch(/ at spec\.\w+\.\w+.*: injected$/m);
    expect((await runInjectOn('uninject', [], { stdin: stdout })).stdout).toBe(input);
  });

  it('says which features Knative needs', async () => {
    const { stderr } = await inject(
      object('serving.knative.dev/v1', 'Service', { spec: { template: pod } }),
    );
    expect(stderr).toContain('note: Knative takes init containers and added capabilities only if');
  });

  it('points to the workload that a Rollout refers to', async () => {
    const rest = { spec: { workloadRef: { kind: 'Deployment', name: 'api' } } };
    const { stderr, exitCode } = await inject(object('argoproj.io/v1alpha1', 'Rollout', rest));
    expect(stderr).toContain('its pods come from the workload api; inject that one');
    expect(exitCode).toBe(0);
  });

  it('takes further kinds from --template-path', async () => {
    const input = object('example.com/v1', 'Widget', { spec: { parts: [{ pod }, { pod }] } });
    const { stdout, exitCode } = await inject(
      input,
      '--template-path=example.com/Widget=spec.parts.*.pod',
    );
    expect(initsIn(parse(stdout))).toEqual([pair, pair]);
    expect(exitCode).toBe(0);
  });
});

describe('kinds whose pods are built from something else', () => {
  it.each<[apiVersion: string, kind: string, from: string, rest?: object]>([
    [
      'argoproj.io/v1alpha1',
      'Workflow',
      'its templates',
      { spec: { templates: [{ container: { image: 'x' } }] } },
    ],
    ['argoproj.io/v1alpha1', 'CronWorkflow', 'its templates'],
    ['tekton.dev/v1', 'Task', 'steps', { spec: { steps: [{ image: 'x' }] } }],
    ['tekton.dev/v1', 'TaskRun', 'steps'],
    ['sparkoperator.k8s.io/v1beta2', 'SparkApplication', 'its driver and executor'],
    [
      'core.strimzi.io/v1beta2',
      'StrimziPodSet',
      'the fields of the Kafka resources',
      { spec: { pods: [pod] } },
    ],
    ['kafka.strimzi.io/v1beta2', 'Kafka', 'the fields of the Kafka resources'],
  ])('%s %s is named, with what to do instead', async (apiVersion, kind, from, rest = {}) => {
    const input = object(apiVersion, kind, rest);
    const { stdout, stderr, exitCode } = await inject(input);
    expect([stdout, exitCode]).toEqual([input, 0]);
    expect(stderr).toContain(`warning: not injected: its controller builds the pods from ${from}`);
    expect(stderr).toContain('use the webhook or an admission policy');
    expect((await inject(input, '--only=web')).exitCode).toBe(1);
  });
});

describe('unknown kinds', () => {
  const widget = object('example.com/v1', 'Widget', { spec: { deep: [{ template: pod }] } });

  it.each([
    [widget, 'example.com/Widget', 'spec.deep.0.template'],
    [object('v1', 'Deployment', { spec: { template: pod } }), 'Deployment', 'spec.template'],
  ])('with a pod template get a warning with its path', async (input, kind, path) => {
    const { stdout, stderr, exitCode } = await inject(input);
    expect([stdout, exitCode]).toEqual([input, 0]);
    expect(stderr).toContain(
      `the kind ${kind} is not known, but it has a pod template at ${path}; pass --template-path=${kind}=${path}, or --unknown-kinds=inject`,
    );
    expect(stderr).toMatch(/\n0 changed, 0 unchanged, 1 skipped with a warning, 0 failed\n$/);
  });

  it('are injected or failed on request', async () => {
    const injected = await inject(widget, '--unknown-kinds=inject');
    expect(initsIn(parse(injected.stdout))).toEqual([pair]);
    expect((await runInjectOn('uninject', [], { stdin: injected.stdout })).stdout).toBe(widget);
    const refused = await inject(widget, '--unknown-kinds=fail');
    expect([refused.stdout, refused.exitCode]).toEqual([widget, 1]);
  });

  it('with containers that are not a template are never injected', async () => {
    const input = object('example.com/v1', 'Gadget', { spec: { containers: pod.spec.containers } });
    for (const mode of ['warn', 'inject']) {
      const { stdout, stderr } = await inject(input, `--unknown-kinds=${mode}`);
      expect(stdout).toBe(input);
      expect(stderr).toContain('the containers at spec are not a pod template');
    }
  });

  it('without anything that looks like a pod make no pods', async () => {
    const { stderr } = await inject(
      object('example.com/v1', 'Widget', { spec: { containers: 3 } }),
    );
    expect(stderr).toContain('unchanged (makes no pods)');
  });
});

it('knows that an AnalysisTemplate may have no Job', async () => {
  const rest = { spec: { metrics: [{ provider: { prometheus: {} } }] } };
  const input = object('argoproj.io/v1alpha1', 'AnalysisTemplate', rest);
  expect((await inject(input)).stderr).toContain('unchanged (makes no pods)');
});

it('takes no schema for a pod', async () => {
  const schema = { properties: { containers: { items: { properties: { name: {}, image: {} } } } } };
  const crd = object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { spec: { schema } });
  expect((await inject(crd)).stderr).toContain('unchanged (makes no pods)');
});
