/** What people with the permission to look at pods see of the secrets of a proxy, on a real cluster. */
import type { V1EnvVar } from '@kubernetes/client-node';
import { expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { answerOf } from '../../support/docker-app.ts';
import { describeOnCurrent, useKubernetes } from '../../support/kubernetes.ts';
import { type Manifest, podSpecOf } from '../../support/kubernetes-manifest.ts';
import { findPod, untilRolledOut } from '../../support/kubernetes-pod.ts';
import { toWorkload } from '../../support/kubernetes-workload.ts';

const kubernetes = useKubernetes();
const { cluster, tenant } = kubernetes;
const namespace = 'described';
const password = 'CANARY-password-0123456789';
const header = 'CANARY-header-0123456789-abcdefghij';

const fromSecret = (name: string, key: string): V1EnvVar => ({
  name,
  valueFrom: { secretKeyRef: { name: 'canaries', key } },
});

/** Injects a workload whose proxy has these variables as well, and applies it. */
async function run(app: string, env: readonly V1EnvVar[]): Promise<void> {
  await kubernetes.createAccounts({ [namespace]: [app] });
  const { clientId } = await kubernetes.addIdentity(`described-${app}`, [`${namespace}:${app}`]);
  const plain = toWorkload({ namespace, app, image: tenant.images.app });
  const flags = kubernetes.injectFlags(clientId);
  const { output } = await kubernetes.filter('inject', flags, stringify(plain));
  const manifests = parseAllDocuments(output).map((document): Manifest => document.toJS());
  for (const manifest of manifests) {
    for (const container of podSpecOf(manifest)?.initContainers ?? []) {
      if (container.name === 'azwi-proxy') container.env = [...(container.env ?? []), ...env];
    }
  }
  await cluster.apply(manifests);
}

/** What kubectl shows of a pod, with its events and the logs of our containers. */
async function show(app: string): Promise<string> {
  const where = [`--namespace=${namespace}`];
  const { name } = await findPod(cluster, namespace, app);
  const logs = ['azwi-proxy-init', 'azwi-proxy'].map((container) =>
    cluster.kubectl(['logs', ...where, name, `--container=${container}`, '--ignore-errors']),
  );
  const texts = await Promise.all([
    cluster.kubectl(['describe', ...where, 'pod', name]),
    cluster.kubectl(['get', ...where, 'pods,events', '--output=yaml']),
    ...logs,
  ]);
  return texts.join('\n');
}

describeOnCurrent('what kubectl shows of pods and their logs', () => {
  it('has no token and no value of a Secret', async () => {
    const metadata = { name: 'canaries', namespace };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata };
    const url = `http://user:${password}@192.0.2.1:3128`;
    const bad = `http://user:${password}@192.0.2.1:99999`;
    await kubernetes.createAccounts({ [namespace]: [] });
    await cluster.apply([{ ...secret, stringData: { header, url, bad } }]);
    const noProxy = { name: 'NO_PROXY', value: '*' };
    await run('working', [
      noProxy,
      fromSecret('HTTPS_PROXY', 'url'),
      fromSecret('IMDS_PROXY_IDENTITY_HEADER', 'header'),
    ]);
    await untilRolledOut(cluster, namespace, 'deployment/working');
    const pod = await findPod(cluster, namespace, 'working');
    const { status, body = '' } = await answerOf(pod.container('app'), 'start');
    expect(status, body).toBe(200);
    const accessToken: string = JSON.parse(body).access_token;
    const { output: assertion } = await pod
      .container('azwi-proxy')
      .exec([
        '/usr/local/bin/node',
        '-p',
        'require("fs").readFileSync(process.env.AZURE_FEDERATED_TOKEN_FILE, "utf8")',
      ]);

    await run('failing', [fromSecret('HTTPS_PROXY', 'bad')]);
    await expect
      .poll(() => show('failing'), { timeout: 60_000, interval: 500 })
      // The last message of the proxy.
      .toMatch(/Message:\s+HTTPS_PROXY: /i);

    const shown = `${await show('failing')}${await show('working')}`;
    expect(shown).toContain("<set to the key 'header' in secret 'canaries'>");
    const parts = [accessToken, assertion].flatMap((token) => token.trim().split('.').slice(1));
    expect(parts).toHaveLength(4);
    for (const canary of [password, header, ...parts]) expect(shown).not.toContain(canary);
  });
});
