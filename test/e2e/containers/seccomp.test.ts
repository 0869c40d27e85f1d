/** deploy/seccomp/proxy.json, with the image of the proxy and with programs that try to break out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { describeWithDocker, startContainer } from '../../support/docker.ts';
import { answerOf, askInside, toClaims } from '../../support/docker-app.ts';
import { withPod } from '../../support/docker-pod.ts';
import { startWebhookTenant, type Tenant, toWebhookOptions } from '../../support/docker-webhook.ts';

const deploy = join(import.meta.dirname, '../../../deploy');
const profile = readFileSync(join(deploy, 'seccomp/proxy.json'), 'utf8');
const node = '/usr/local/bin/node';

/** The pod of deploy/manual, whose proxy has the profile. */
function toPod(): V1Pod {
  const documents = parseAllDocuments(
    readFileSync(join(deploy, 'manual/native-sidecar.yaml'), 'utf8'),
  );
  const pod: V1Pod = documents.map((each) => each.toJS()).find(({ kind }) => kind === 'Deployment')
    .spec.template;
  const proxy = pod.spec?.initContainers?.find(({ name }) => name === 'azwi-proxy');
  if (proxy?.securityContext === undefined) throw new Error('no proxy in the manifest');
  proxy.securityContext.seccompProfile = {
    type: 'Localhost',
    localhostProfile: 'seccomp/proxy.json',
  };
  return pod;
}

/**
 * System calls with arguments at fault: the kernel refuses them as well, but for another reason than a filter.
 * The numbers are those of x86_64 and arm64.
 */
const calls = {
  ptrace: [[101, 117], [0xffff]],
  mount: [[165, 40]],
  unshare: [[272, 97], [1]],
  setns: [[308, 268], [-1]],
  pivot_root: [
    [155, 41],
    [1, 1],
  ],
  init_module: [
    [175, 105],
    [1, 0, 1],
  ],
  keyctl: [[250, 219], [0xffff]],
  io_uring_setup: [
    [425, 425],
    [0, 1],
  ],
  memfd_create: [[319, 279], [1]],
  process_vm_readv: [[310, 270], [-1]],
  'clone of a namespace': [[56, 220], [0x1000_0200]],
  'socket of the kernel’s cryptography': [
    [41, 198],
    [38, 99],
  ],
} as const satisfies Readonly<
  Record<string, readonly [readonly [number, number], (readonly number[])?]>
>;

const operationNotPermitted = 1;

/** A script in Perl, the only program of the base image that makes any call. */
const script = Object.entries(calls)
  .map(([name, [[x64, arm64], args = []]]) => {
    const number = process.arch === 'arm64' ? arm64 : x64;
    const passed = [number, ...args, 0, 0, 0, 0, 0].slice(0, 6).join(', ');
    return `$! = 0; syscall(${passed}); print "${name}: ", $! + 0, "\\n";`;
  })
  .join('\n');

describeWithDocker('the seccomp profile of the proxy', () => {
  let tenant: Tenant;
  beforeAll(async () => {
    tenant = await startWebhookTenant();
  }, 600_000);
  afterAll(() => tenant?.remove());

  it('lets it start, serve, pass on, be probed and examined, and stop', async () => {
    await withPod(toPod(), tenant, toWebhookOptions(tenant), async (pod) => {
      const proxy = pod.container('azwi-proxy');
      expect(toClaims(await answerOf(pod.container('app'), 'start'))).toHaveProperty('appid');
      const status = await proxy.exec([
        node,
        '-p',
        'require("fs").readFileSync("/proc/1/status", "utf8")',
      ]);
      expect(status.output).toMatch(/^Seccomp:\s+2$/m);
      const instance = '/metadata/instance?api-version=2021-02-01';
      expect(await askInside(pod.container('app'), instance)).toMatchObject({ status: 200 });
      expect(await proxy.exec(['/proxy', '--proxy-port=8000', '--probe'])).toMatchObject({
        exitCode: 0,
      });
      const doctor = await proxy.exec(['/proxy', 'doctor', '--exchange', '--output=json']);
      expect(doctor.output, 'no check meets a call that is refused').not.toMatch(/EPERM|ENOSYS/);
      expect(doctor.output).toMatch(/"id": "exchange",\s+"status": "ok"/);
      await pod.stop();
      expect(await proxy.ended()).toBe(0);
      const log = await proxy.logs();
      expect(log).not.toMatch(/EPERM|ENOSYS|"level":"error"/);
    });
  }, 180_000);

  it('starts no process, and leaves threads to it', async () => {
    await withPod(toPod(), tenant, toWebhookOptions(tenant), async (pod) => {
      const inProxy = (text: string) => pod.container('azwi-proxy').exec([node, '-e', text]);
      const spawned = await inProxy(
        `console.log(require('child_process').spawnSync('${node}', ['-v']).error?.code)`,
      );
      expect(spawned.output.trim()).toBe('EPERM');
      const threaded = await inProxy(
        "new (require('worker_threads').Worker)('console.log(6 * 7)', { eval: true })",
      );
      expect(threaded.output.trim()).toBe('42');
    });
  }, 120_000);

  it('refuses the calls that programs break out with', async () => {
    const outputs: string[] = [];
    for (const seccomp of [profile, 'unconfined']) {
      const container = await startContainer('perl', {
        Image: tenant.images.app,
        Entrypoint: ['perl', '-e', script],
        User: '1501:1501',
        HostConfig: {
          NetworkMode: 'none',
          CapDrop: ['ALL'],
          SecurityOpt: ['no-new-privileges', `seccomp=${seccomp}`],
        },
      });
      try {
        expect(await container.ended()).toBe(0);
        outputs.push(await container.logs());
      } finally {
        await container.remove();
      }
    }
    const [filtered = '', free = ''] = outputs;
    const all = Object.keys(calls).map((name) => `${name}: ${operationNotPermitted}`);
    expect(filtered.trim().split('\n')).toEqual(all);
    // Without the filter most of them fail otherwise, or succeed: the filter is the reason.
    const alsoRefused = free.split('\n').filter((line) => all.includes(line));
    expect(alsoRefused.length, free).toBeLessThan(4);
  }, 120_000);

  it('lets it say why it cannot start', async () => {
    const container = await startContainer('proxy', {
      Image: tenant.images.proxy,
      HostConfig: {
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges', `seccomp=${profile}`],
      },
    });
    try {
      expect(await container.ended()).toBe(1);
      expect(await container.logs()).toContain('AZURE_TENANT_ID not set');
    } finally {
      await container.remove();
    }
  });
});
