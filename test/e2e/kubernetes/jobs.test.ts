import type { V1PodSpec } from '@kubernetes/client-node';
import { beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { answerOf } from '../../support/docker-app.ts';
import { describeOnCurrent, useKubernetes } from '../../support/kubernetes.ts';
import {
  changePod,
  containersOf,
  type Manifest,
  parseManifests,
  podSpecOf,
  readManifests,
  toLocal,
} from '../../support/kubernetes-manifest.ts';
import { findPod } from '../../support/kubernetes-pod.ts';
import { measured } from '../../support/kubernetes-record.ts';
import { readWebhookPods, recordedClientId } from '../../support/kubernetes-webhook.ts';
import { toWorkload } from '../../support/kubernetes-workload.ts';

const kubernetes = useKubernetes();
const { cluster, tenant } = kubernetes;
const namespace = 'jobs';
const account = `${namespace}:wi`;
const toSeconds = (startedAt: number) => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;

function toJob(name: string, spec: V1PodSpec): Manifest {
  const template = {
    metadata: { labels: { app: name } },
    spec: { ...spec, serviceAccountName: 'wi' },
  };
  const job: object = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace },
    spec: { backoffLimit: 0, template },
  };
  return job as Manifest;
}

function readRecorded(name: string): Manifest {
  const found = readWebhookPods(tenant, namespace).find((each) => each.name === name);
  if (found === undefined) throw new Error(`no recording ${name}`);
  return found.pod;
}

/** Its sidecar does nothing and ends at once: none can end sooner. */
function withFastestSidecar(pod: Manifest): Manifest {
  const script = "process.on('SIGTERM', () => process.exit()); setInterval(() => {}, 1e6)";
  return changePod(pod, (spec) => {
    for (const container of containersOf(spec).filter(({ name }) => name === 'azwi-proxy')) {
      container.command = ['/usr/local/bin/node', '-e', script];
      delete container.args;
      delete container.lifecycle;
    }
  });
}

async function injectJob(job: Manifest): Promise<Manifest> {
  const { clientId } = await kubernetes.addIdentity('injected-job', [account]);
  const flags = kubernetes.injectFlags(clientId);
  const { output, report } = await kubernetes.filter('inject', flags, stringify(job));
  const [injected] = parseManifests(output);
  if (injected === undefined) throw new Error(report);
  return injected;
}

const specOf = (manifest: Manifest) => podSpecOf(manifest) ?? { containers: [] };
const plain = (app: string) =>
  toWorkload({
    kind: 'Job',
    namespace,
    app,
    image: tenant.images.app,
    pod: { serviceAccountName: 'wi' },
  });

/** Jobs of one container that asks for a token and ends. */
const forms: Readonly<Record<string, (name: string) => Manifest | Promise<Manifest>>> = {
  'without a proxy': plain,
  'with a sidecar that ends at once': (name) =>
    toJob(name, specOf(withFastestSidecar(readRecorded('native: job')))),
  'deploy/manual/job.yaml': (name) => {
    const [, job] = readManifests('deploy/manual/job.yaml');
    if (job === undefined) throw new Error('the file has no Job');
    return toJob(name, specOf(toLocal(job, tenant)));
  },
  'what `inject` writes': (name) => injectJob(plain(name)),
  'a pod of the webhook, without any flag of ours': (name) =>
    toJob(name, specOf(readRecorded('native: job'))),
};

describeOnCurrent('a Job with a native sidecar', () => {
  beforeAll(async () => {
    await kubernetes.createAccounts({ [namespace]: ['wi'] });
    const clientIds = [recordedClientId, '11111111-1111-4111-8111-111111111111'];
    for (const clientId of clientIds) await kubernetes.addIdentity(clientId, [account], clientId);
  });

  it.each(Object.keys(forms))('completes: %s', async (form) => {
    const name = `job-${Object.keys(forms).indexOf(form)}`;
    const job = await forms[form]?.(name);
    if (job === undefined) throw new Error(`no form ${form}`);
    const startedAt = performance.now();
    await cluster.apply([job]);
    const wait = ['wait', `--namespace=${namespace}`, '--for=condition=Complete', `job/${name}`];
    await cluster.kubectl([...wait, '--timeout=120s']);
    measured(`Job, ${form}`, toSeconds(startedAt));
    const pod = await findPod(cluster, namespace, name);
    const hasProxy = !/^with/.test(form);
    if (hasProxy)
      expect(await answerOf(pod.container('work'), 'once')).toMatchObject({ status: 200 });
  });

  it.each(['native: simple', 'classic: simple'])(
    'a deleted pod ends in time: %s',
    async (recording) => {
      const manifest = readRecorded(recording);
      await cluster.apply([manifest]);
      const name = manifest.metadata?.name ?? '';
      const where = [`--namespace=${namespace}`, `pod/${name}`];
      await cluster.kubectl(['wait', ...where, '--for=condition=Ready', '--timeout=120s']);
      const startedAt = performance.now();
      await cluster.kubectl(['delete', ...where, '--timeout=60s']);
      measured(`end of a deleted pod, ${recording}`, toSeconds(startedAt));
    },
  );
});
