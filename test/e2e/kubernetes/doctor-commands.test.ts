/** The commands of docs/doctor.md in a real cluster. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { runShell } from '../../support/issuer-site.ts';
import { describeOnCurrent, useKubernetes } from '../../support/kubernetes.ts';
import { readManifests, toLocal } from '../../support/kubernetes-manifest.ts';
import { findPod, untilRolledOut } from '../../support/kubernetes-pod.ts';
import { shellBlock } from '../../support/shell-blocks.ts';

const kubernetes = useKubernetes();
const { cluster, tenant } = kubernetes;
const { binaries } = inject('kubernetes');
const namespace = 'doctor-commands';

describeOnCurrent('the commands of docs/doctor.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'doctor commands '));
  let pod: string;

  beforeAll(async () => {
    await kubernetes.createAccounts({ [namespace]: ['legacy-app'] });
    const { clientId } = await kubernetes.addIdentity(namespace, [`${namespace}:legacy-app`]);
    const manifests = readManifests('deploy/manual/native-sidecar.yaml').map((manifest) => {
      const local = JSON.stringify(toLocal(manifest, tenant));
      const own = JSON.parse(local.replaceAll('11111111-1111-4111-8111-111111111111', clientId));
      return { ...own, metadata: { ...own.metadata, namespace } };
    });
    await cluster.apply(manifests);
    await untilRolledOut(cluster, namespace, 'deployment/legacy-app');
    pod = (await findPod(cluster, namespace, 'legacy-app')).name;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = (begins: string) =>
    runShell(
      `export PATH=${binaries}:$PATH\n${shellBlock('docs/doctor.md', begins)
        .replaceAll(' POD ', ` --namespace=${namespace} ${pod} `)
        .replaceAll('PROXY-IMAGE', tenant.images.proxy)
        .replaceAll('CONTAINER', 'app')}`,
      folder,
      { KUBECONFIG: cluster.kubeconfig },
    );

  it('in the sidecar', async () => {
    const { exitCode, stdout } = await run('kubectl exec POD');
    expect(stdout).toMatch(
      /^ok +federated-token +system:serviceaccount:doctor-commands:legacy-app$/m,
    );
    expect(stdout).not.toMatch(/^fail/m);
    expect(exitCode).toBe(0);
  });

  it('as the application, in an ephemeral container', async () => {
    const { stdout } = await run(`echo '{"securityContext"`);
    expect(stdout).toMatch(/^ok +pod-proxy +\S+ answers on port 8000, as user 1501$/m);
    expect(stdout).toMatch(/^ok +app-user +the application runs as user \d+$/m);
    expect(stdout).toMatch(
      /^ok +redirect +a connection of user 65532 to 169\.254\.169\.254:80 came out at port 8000$/m,
    );
  });

  it('an archive through standard output', async () => {
    const { exitCode, stderr } = await run('kubectl logs POD');
    expect(exitCode, stderr).toBe(0);
    const listing = execFileSync('tar', ['-tzf', join(folder, 'case.tar.gz')], {
      encoding: 'utf8',
    });
    expect(listing).toContain('proxy-doctor/metrics.txt');
    expect(listing).toContain('proxy-doctor/proxy.log');
  });
});
