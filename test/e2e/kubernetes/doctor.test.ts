import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { answerOf } from '../../support/docker-app.ts';
import type { ReportedCheck } from '../../support/doctor.ts';
import { useKubernetes } from '../../support/kubernetes.ts';
import { findPod, untilRolledOut } from '../../support/kubernetes-pod.ts';
import { toWorkload } from '../../support/kubernetes-workload.ts';
import { dist } from '../../support/proxy-process.ts';

const kubernetes = useKubernetes();
const { cluster, tenant } = kubernetes;
const namespace = 'doctor';

interface Diagnosis {
  readonly exitCode: number;
  readonly checks: readonly ReportedCheck[];
}

/** `kubectl get … --output=yaml | proxy doctor -`, as docs/doctor.md has it. */
async function examine(space: string): Promise<Diagnosis> {
  const kinds = 'pods,serviceaccounts,namespaces,events,replicasets,deployments';
  const objects = await cluster.kubectl(['get', kinds, `--namespace=${space}`, '--output=yaml']);
  return new Promise((resolve) => {
    const running = execFile(
      process.execPath,
      [join(dist, 'proxy'), 'doctor', '--output=json', '-'],
      { timeout: 60_000 },
      (error, stdout) => {
        const exitCode = error === null ? 0 : Number(error.code ?? Number.NaN);
        resolve({ exitCode, ...JSON.parse(stdout) });
      },
    );
    running.stdin?.end(objects);
  });
}

async function run(app: string, account: string, trusted: string): Promise<void> {
  await kubernetes.createAccounts({ [namespace]: [account] });
  const { clientId } = await kubernetes.addIdentity(app, [`${namespace}:${trusted}`]);
  const workload = toWorkload({
    namespace,
    app,
    image: tenant.images.app,
    pod: { serviceAccountName: account },
  });
  const flags = kubernetes.injectFlags(clientId);
  const { output } = await kubernetes.filter('inject', flags, stringify(workload));
  await cluster.apply(output);
  await untilRolledOut(cluster, namespace, `deployment/${app}`);
}

const failures = (checks: readonly ReportedCheck[]) =>
  checks.filter(({ status }) => status === 'fail').map(({ id }) => id);

/** The doctor in the sidecar; a failing check ends it with 1, and kubectl shows only its output then. */
async function examineInside(app: string): Promise<Diagnosis> {
  const pod = await findPod(cluster, namespace, app);
  await answerOf(pod.container('app'), 'start');
  const { output } = await pod
    .container('azwi-proxy')
    .exec(['/proxy', 'doctor', '--output=json'])
    .catch((error: unknown) => ({ output: String(error) }));
  const json = output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1);
  return { exitCode: output.startsWith('{') ? 0 : 1, ...JSON.parse(json) };
}

describe('proxy doctor', () => {
  beforeAll(async () => {
    await run('well', 'well', 'well');
    await run('ill', 'ill', 'somebody-else');
  });

  it('in the sidecar of a healthy pod, finds nothing', async () => {
    const { exitCode, checks } = await examineInside('well');
    expect(failures(checks)).toEqual([]);
    expect(exitCode).toBe(0);
    expect(checks.filter(({ status }) => status === 'ok').length).toBeGreaterThan(3);
  });

  it('in the sidecar, names the federated credential that is missing', async () => {
    const { checks } = await examineInside('ill');
    const found = checks.find(({ status }) => status === 'fail');
    expect(`${found?.summary} ${found?.fix}`).toContain(`system:serviceaccount:${namespace}:ill`);
  });

  it('on what kubectl prints of a healthy namespace, finds nothing', async () => {
    const { checks } = await examine(namespace);
    expect(failures(checks)).toEqual([]);
  });

  it('on what kubectl prints, names Pod Security where it refuses the pods', async () => {
    const space = 'doctor-secured';
    await kubernetes.createAccounts({ [space]: ['secured'] });
    const label = 'pod-security.kubernetes.io/enforce=baseline';
    await cluster.kubectl(['label', '--overwrite', 'namespace', space, label]);
    const workload = toWorkload({ namespace: space, app: 'secured', image: tenant.images.app });
    const flags = kubernetes.injectFlags('44444444-4444-4444-8444-444444444444');
    const { output } = await kubernetes.filter('inject', flags, stringify(workload));
    await cluster.apply(output);
    await expect
      .poll(async () => failures((await examine(space)).checks), {
        timeout: 30_000,
        interval: 1_000,
      })
      .toContain('pod-security');
  });
});
