/**
 * The images for arm64, built and run on a machine of another kind under qemu, which gives programs to the
 * emulator one by one and has no netfilter for them: rules are printed, not written.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { codeCacheScript } from '../../support/code-cache-script.ts';
import { connect, describeWithDocker, startContainer } from '../../support/docker.ts';
import { buildImage } from '../../support/docker-images.ts';

const execute = promisify(execFile);
const environment = [
  'AZURE_TENANT_ID=72f988bf-86f1-41af-91ab-2d7cd011db47',
  'AZURE_FEDERATED_TOKEN_FILE=/var/run/secrets/azure/tokens/azure-identity-token',
];

describeWithDocker('the images for arm64', () => {
  let proxy: string;
  let init: string;
  beforeAll(async () => {
    proxy = await buildImage('proxy', 'arm64');
    init = await buildImage('init', 'arm64');
  }, 1_800_000);

  const startHere = (image: string, options: Parameters<typeof startContainer>[1] = {}) =>
    startContainer(image, {
      Image: image,
      ...options,
      HostConfig: {
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        NetworkMode: 'none',
        ...options.HostConfig,
      },
    });

  const run = async (...args: Parameters<typeof startHere>): Promise<string> => {
    const container = await startHere(...args);
    try {
      const exitCode = await container.ended();
      const output = await container.logs();
      expect(exitCode, output).toBe(0);
      return output;
    } finally {
      await container.remove();
    }
  };

  it('are for arm64, say so, and share their first layer', async () => {
    const { container } = await connect();
    const inspect = (image: string) => container.dockerode.getImage(image).inspect();
    const [ofProxy, ofInit] = await Promise.all([inspect(proxy), inspect(init)]);
    expect([ofProxy.Architecture, ofInit.Architecture]).toEqual(['arm64', 'arm64']);
    expect(ofProxy.RootFS.Layers?.[0]).toBe(ofInit.RootFS.Layers?.[0]);
    for (const image of [proxy, init]) {
      const version = JSON.parse(await run(image, { Cmd: ['--version'] }));
      expect(version).toHaveProperty('platform', 'linux/arm64');
    }
  });

  it('init prints its rules', async () => {
    expect(await run(init, { Cmd: ['print'] })).toContain('169.254.169.254');
  });

  it('proxy starts from code caches of its own kind, and without them where they are of another', async () => {
    const Entrypoint = ['/usr/local/bin/node', '-e', codeCacheScript];
    const own = await run(proxy, { Entrypoint });
    expect(own).toContain('accepted');
    expect(own).not.toContain('refused');

    const folder = await mkdtemp(join(tmpdir(), 'imds-proxy-arm64-'));
    const native = await startContainer('native', {
      Image: await buildImage('proxy'),
      Env: environment,
    });
    try {
      await execute('docker', ['cp', `${native.id}:/app`, folder], { timeout: 60_000 });
      const HostConfig = { Binds: [`${folder}/app:/app:ro`] };
      const foreign = await run(proxy, { Entrypoint, HostConfig });
      expect(foreign).toContain('refused');
      expect(foreign).not.toContain('accepted');
      await assertServes({ HostConfig });
    } finally {
      await native.remove();
      await rm(folder, { recursive: true, force: true });
    }
    await assertServes();
  });

  /** Ready for its probe, and ended by SIGTERM with 0. */
  async function assertServes(options: Parameters<typeof startHere>[1] = {}): Promise<void> {
    const container = await startHere(proxy, {
      ...options,
      Cmd: ['--log-level=info', '--drain-quiet=100ms'],
      Env: environment,
    });
    try {
      const probe = await container.exec(['/proxy', '--probe']);
      expect(probe, await container.logs()).toMatchObject({ exitCode: 0 });
      await container.stop();
      expect(await container.ended()).toBe(0);
      expect(await container.logs()).not.toContain('"level":"error"');
    } finally {
      await container.remove();
    }
  }
});
