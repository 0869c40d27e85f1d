/** A dump has everything that controllers made of an object: the plan has one line for all of it. */
import { describe, expect, it } from 'vitest';
import { binding, identity, planOf, pod, toYaml, workload } from '../../support/migrate.ts';

const bound = [identity('reader'), binding('web', 'reader', 'web')];
const hash = '6d4cf56db6';

type Owner = readonly [kind: string, name: string];

function owned(object: object, [kind, name]: Owner, apiVersion: string): object {
  const { metadata } = object as { readonly metadata: object };
  const ownerReferences = [{ apiVersion, kind, name, controller: true }];
  return { ...object, metadata: { ...metadata, ownerReferences } };
}

function replicaSet(name: string, label: unknown, owner: Owner, replicas = 2): object {
  const object = workload(name, label, {
    kind: 'ReplicaSet',
    labels: { 'pod-template-hash': hash },
  });
  const { spec } = object as { readonly spec: object };
  return owned({ ...object, spec: { ...spec, replicas } }, owner, 'apps/v1');
}

const web = workload('web', 'web');
const webPod = (suffix: string, label: unknown = 'web'): object =>
  pod(`web-${hash}-${suffix}`, label, {
    owner: ['ReplicaSet', `web-${hash}`],
    labels: { 'pod-template-hash': hash },
  });

async function lines(...objects: readonly object[]): Promise<readonly string[]> {
  const { workloads } = await planOf(toYaml(...bound, ...objects));
  return workloads.map(({ kind, name, status, findings }) => {
    const codes = findings.filter(({ level }) => level !== 'note').map(({ code }) => code);
    return [`${kind}/${name} ${status}`, ...codes].join(' ');
  });
}

describe('pods of a Deployment', () => {
  it('are part of it, with the ReplicaSet in between', async () => {
    const set = replicaSet(`web-${hash}`, 'web', ['Deployment', 'web']);
    for (const order of [
      [web, set, webPod('a'), webPod('b')],
      [webPod('a'), webPod('b'), set, web],
    ]) {
      expect(await lines(...order)).toEqual(['Deployment/web ready']);
    }
  });

  it('are part of it, without the ReplicaSet, as kubectl get deploy,pods prints them', async () => {
    expect(await lines(web, webPod('a'), webPod('b'))).toEqual(['Deployment/web ready']);
  });

  it('name it where it is not in the input', async () => {
    expect(await lines(webPod('a'), webPod('b'))).toEqual([
      'Deployment/web attention owner-not-in-input',
    ]);
    expect(await lines(replicaSet(`web-${hash}`, 'web', ['Deployment', 'web']))).toEqual([
      'Deployment/web attention owner-not-in-input',
    ]);
  });

  it('of an Argo Rollout are part of that', async () => {
    const one = pod('web-abc-1', 'web', {
      owner: ['ReplicaSet', 'web-abc'],
      labels: { 'rollouts-pod-template-hash': 'abc' },
    });
    const rollout = { ...web, apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout' };
    expect(await lines(one, rollout)).toEqual(['Rollout/web ready']);
  });
});

describe('objects that are over', () => {
  it('do not count: old ReplicaSets, finished Jobs, ended pods', async () => {
    const done = { type: 'Complete', status: 'True' };
    const job = { ...workload('report-1', 'web', { kind: 'Job' }), status: { conditions: [done] } };
    expect(
      await lines(
        workload('web', undefined),
        replicaSet('web-old', 'web', ['Deployment', 'web'], 0),
        pod('report-1-x', 'web', { phase: 'Succeeded' }),
        job,
      ),
    ).toEqual([]);
  });

  it('a ReplicaSet that somebody applies counts, whatever its replicas', async () => {
    const set = workload('alone', 'web', { kind: 'ReplicaSet', spec: {} });
    expect(
      await lines({ ...set, spec: { ...(set as { spec: object }).spec, replicas: 0 } }),
    ).toEqual(['ReplicaSet/alone ready']);
  });
});

describe('Jobs', () => {
  const cronJob = {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'report', namespace: 'shop' },
    spec: { jobTemplate: { spec: (web as { spec: object }).spec } },
  };
  const job = owned(
    workload('report-28391240', 'web', { kind: 'Job' }),
    ['CronJob', 'report'],
    'batch/v1',
  );
  const jobPod = pod('report-28391240-x', 'web', { owner: ['Job', 'report-28391240'] });

  it('of a CronJob are part of it, even where they are gone already', async () => {
    expect(await lines(cronJob, job, jobPod)).toEqual(['CronJob/report ready']);
    expect(await lines(cronJob, jobPod)).toEqual(['CronJob/report ready']);
  });

  it('with a number in their name are not the work of a CronJob that does not exist', async () => {
    expect(await lines(jobPod)).toEqual(['Job/report-28391240 attention owner-not-in-input']);
  });
});

describe('owners of other kinds', () => {
  it('are named and kept, known or not', async () => {
    expect(await lines(pod('x-1', 'web', { owner: ['Widget', 'x'] }))).toEqual([
      'Widget/x attention owner-kind-unknown',
    ]);
    const set = owned(workload('db', 'web', { kind: 'StatefulSet' }), ['Widget', 'db'], 'a.b/v1');
    expect(await lines(set, pod('db-0', 'web', { owner: ['StatefulSet', 'db'] }))).toEqual([
      'Widget/db attention owner-kind-unknown',
    ]);
  });

  it('that build pods from their own fields are listed with their label', async () => {
    const spark = {
      apiVersion: 'sparkoperator.k8s.io/v1beta2',
      kind: 'SparkApplication',
      metadata: { name: 'pi', namespace: 'shop' },
      spec: { driver: { labels: { aadpodidbinding: 'web' } } },
    };
    const { workload: found } = await planOf(toYaml(...bound, spark));
    expect(found).toMatchObject({
      kind: 'SparkApplication',
      name: 'pi',
      binding: 'web',
      identities: [{ name: 'reader' }],
      injection: { kind: 'none' },
      status: 'attention',
    });
    expect(found.findings.map(({ code }) => code)).toContain('owner-kind-unknown');
  });

  it('with the label in their values are listed, such as a HelmRelease', async () => {
    const release = {
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { values: { podLabels: { aadpodidbinding: 'web' } } },
    };
    const { workload: found } = await planOf(toYaml(...bound, release));
    expect(found).toMatchObject({ kind: 'HelmRelease', binding: 'web', status: 'attention' });
  });

  it('that only select pods by the label are not workloads', async () => {
    const selector = { matchLabels: { aadpodidbinding: 'web' } };
    const named = { name: 'web', namespace: 'shop' };
    const plan = await planOf(
      toYaml(
        ...bound,
        web,
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: named,
          spec: { selector: selector.matchLabels },
        },
        {
          apiVersion: 'policy/v1',
          kind: 'PodDisruptionBudget',
          metadata: named,
          spec: { selector },
        },
        {
          apiVersion: 'networking.k8s.io/v1',
          kind: 'NetworkPolicy',
          metadata: named,
          spec: { podSelector: selector },
        },
        {
          apiVersion: 'cilium.io/v2',
          kind: 'CiliumNetworkPolicy',
          metadata: named,
          spec: { endpointSelector: selector },
        },
      ),
    );
    expect(plan.workloads.map(({ kind }) => kind)).toEqual(['Deployment']);
    const [finding] = plan.workload.findings.filter(({ code }) => code === 'label-selected');
    expect(finding?.message).toBe(
      'CiliumNetworkPolicy web, NetworkPolicy web, PodDisruptionBudget web, Service web select pods by the label aadpodidbinding',
    );
  });

  it('with a pod template can be named by --template-path', async () => {
    const widget = { ...web, apiVersion: 'example.com/v1', kind: 'Widget' };
    const input = toYaml(...bound, widget);
    expect((await planOf(input)).workload).toMatchObject({ status: 'attention' });
    const argv = ['--template-path=example.com/Widget=spec.template'];
    expect((await planOf(input, argv)).workload).toMatchObject({
      status: 'ready',
      injection: { kind: 'containers' },
    });
  });

  it('in a circle do not hang the plan', async () => {
    const a = owned(workload('a', 'web'), ['Deployment', 'b'], 'apps/v1');
    const b = owned(workload('b', 'web'), ['Deployment', 'a'], 'apps/v1');
    expect(await lines(a, b)).toHaveLength(2);
  });
});

describe('labels of pods and of their object', () => {
  it('the label of the object counts, and another one of its pods is named', async () => {
    expect(await lines(web, webPod('a', 'old'))).toEqual([
      'Deployment/web attention labels-differ',
    ]);
  });

  it('a label that only the pods have counts', async () => {
    expect(await lines(workload('web', undefined), webPod('a'))).toEqual([
      'Deployment/web attention label-only-on-pods',
    ]);
  });

  it('objects without a label are counted and not listed', async () => {
    const { summary } = await planOf(toYaml(...bound, workload('other', undefined)));
    expect(summary).toMatchObject({ others: 1, depending: 0 });
  });
});
