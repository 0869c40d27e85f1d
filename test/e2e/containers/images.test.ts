import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ImageContent, withImage } from '../../../build/release/image-content.ts';
import { findImageFaults, imageRules, sbomPath } from '../../../build/release/scan-image.ts';
import { version } from '../../../build/version.ts';
import { MIN_MEMORY_LIMIT_BYTES } from '../../../src/proxy/process/memory.ts';
import { codeCacheScript } from '../../support/code-cache-script.ts';
import {
  type Container,
  connect,
  describeWithDocker,
  startContainer,
} from '../../support/docker.ts';
import { builderEnv, buildImages, type Images, removeImage } from '../../support/docker-images.ts';
import { ownerLabels } from '../../support/docker-owner.ts';
import { imageFlags } from '../../support/inject.ts';
import { shellBlock } from '../../support/shell-blocks.ts';

/** The most that a pod of level restricted allows, without any network. */
const restricted = {
  ReadonlyRootfs: true,
  CapDrop: ['ALL'],
  SecurityOpt: ['no-new-privileges'],
  Memory: MIN_MEMORY_LIMIT_BYTES,
  MemorySwap: MIN_MEMORY_LIMIT_BYTES,
  NetworkMode: 'none',
};

describeWithDocker('the images', () => {
  let images: Images;
  const started: Container[] = [];
  beforeAll(async () => {
    images = await buildImages();
  }, 600_000);
  afterAll(() => Promise.all(started.map((container) => container.remove())));

  const start = async (
    image: string,
    options: Parameters<typeof startContainer>[1] = {},
  ): Promise<Container> => {
    const container = await startContainer(image, {
      Image: image,
      HostConfig: restricted,
      ...options,
    });
    started.push(container);
    return container;
  };
  const run = async (...args: Parameters<typeof start>) => {
    const container = await start(...args);
    const exitCode = await container.ended();
    return { exitCode, output: await container.logs() };
  };
  it('are built by the commands of docs/images.md', async () => {
    // Names of this run alone, which are taken away again.
    const registry = `registry-${process.pid}.example`;
    const block = shellBlock('docs/images.md', 'stamp=')
      .replaceAll('registry.example', registry)
      // This machine may reach no registry.
      .replaceAll('docker build ', 'docker build --build-arg=BUILD_IMAGE ');
    const root = join(import.meta.dirname, '../../..');
    await promisify(execFile)('bash', ['--norc', '-e', '-c', block], {
      cwd: root,
      env: builderEnv,
    });
    const tags = [...block.matchAll(/--tag=(\S+)/g)].map(([, tag = '']) => tag);
    expect(tags).toHaveLength(2);
    for (const tag of tags) {
      const labels = (await inspect(tag)).Config.Labels;
      expect(labels).toMatchObject({ 'org.opencontainers.image.version': version });
      await removeImage(tag);
    }
  }, 600_000);

  const inspect = async (image: string) => {
    const { container } = await connect();
    return container.dockerode.getImage(image).inspect();
  };
  const lookInto = <T>(image: string, use: (content: ImageContent) => Promise<T>): Promise<T> =>
    withImage(image, use, {
      labels: Object.entries(ownerLabels).map(([name, value]) => `${name}=${value}`),
    });

  it.each(['proxy', 'init'] as const)('%s passes the scan of a release', async (name) => {
    const rules = imageRules[name === 'init' ? 'proxy-init' : name];
    const faults = await lookInto(images[name], async ({ files, config, read }) =>
      findImageFaults(rules, files, config, await read('etc/passwd')),
    );
    expect(faults).toEqual([]);
  });

  it.each([
    ['proxy', ['node', 'libc6', 'ca-certificates', '@azure/msal-node', 'undici', 'pino', 'yaml']],
    ['init', ['node', 'libc6', 'ca-certificates', 'iptables', 'nftables', 'iproute2']],
  ] as const)('%s lists its content for scanners', async (name, wanted) => {
    const text = await lookInto(images[name], ({ read }) => read(sbomPath));
    const { components } = JSON.parse(text) as { components: readonly { name: string }[] };
    const names = components.map((component) => component.name);
    expect(names).toEqual(expect.arrayContaining([...wanted]));
    // The emulator is in no image, and the init has no npm package.
    expect(names).not.toContain('jose');
    if (name === 'init') expect(text).not.toContain('pkg:npm/');
  });

  it('answer --version, with nothing to write to and no capability', async () => {
    for (const image of [images.proxy, images.init]) {
      const { exitCode, output } = await run(image, { Cmd: ['--version'] });
      expect(exitCode, output).toBe(0);
      expect(JSON.parse(output)).toMatchObject({ buildVersion: expect.any(String) });
    }
  });

  it('have the names that upstream has: /proxy and /bin/init-iptables.sh', async () => {
    for (const [image, entrypoint] of [
      [images.proxy, '/proxy'],
      [images.init, '/bin/init-iptables.sh'],
    ] as const) {
      const { output } = await run(image, { Entrypoint: [entrypoint, '--version'] });
      expect(JSON.parse(output)).toHaveProperty('buildVersion');
    }
  });

  it('share the layer of Node and the C library, which is nearly all of them', async () => {
    const [proxy, init] = await Promise.all([inspect(images.proxy), inspect(images.init)]);
    expect(proxy.RootFS.Layers?.[0]).toBe(init.RootFS.Layers?.[0]);
    const { container } = await connect();
    const history = await container.dockerode.getImage(images.proxy).history();
    const sizes = (history as { readonly Size: number }[]).map(({ Size }) => Size);
    expect(Math.max(...sizes) / proxy.Size).toBeGreaterThan(0.95);
  });

  it('are as large as docs/benchmarks.md says, within a tenth', async () => {
    const document = readFileSync(join(import.meta.dirname, '../../../docs/benchmarks.md'), 'utf8');
    for (const [image, name] of [
      [images.proxy, 'proxy'],
      [images.init, 'proxy-init'],
    ] as const) {
      const row = document.split('\n').find((line) => line.startsWith(`| **all of \`${name}\`**`));
      const stated = Number(row?.split('|')[3]?.replaceAll(',', ''));
      expect(Math.abs((await inspect(image)).Size / stated - 1), name).toBeLessThan(0.1);
    }
  });

  it('have code caches that their Node accepts under their flags', async () => {
    const [node, wanted] = ['/usr/local/bin/node', 'proxy-exchange.js.cache accepted'];
    const { output } = await run(images.proxy, { Entrypoint: [node, '-e', codeCacheScript] });
    expect(output).toContain(wanted);
    expect(output).not.toContain('refused');
    const spoilt = await run(images.proxy, {
      Entrypoint: [node, '--no-opt', '-e', codeCacheScript],
    });
    expect(spoilt.output, 'the test sees a cache that is refused').not.toContain('accepted');
  });

  it('the proxy says what is missing and exits 1', async () => {
    const { exitCode, output } = await run(images.proxy);
    expect(exitCode).toBe(1);
    expect(output).toContain('AZURE_TENANT_ID not set');
  });

  it('the proxy is ready for its probe, run as a second process without a shell, and stops with 0', async () => {
    const proxy = await start(images.proxy, {
      Cmd: ['--log-level=info', '--drain-quiet=100ms'],
      Env: [
        'AZURE_TENANT_ID=72f988bf-86f1-41af-91ab-2d7cd011db47',
        'AZURE_FEDERATED_TOKEN_FILE=/var/run/secrets/azure/tokens/azure-identity-token',
      ],
    });
    const probe = await proxy.exec(['/proxy', '--proxy-port=8000', '--probe', '--log-level=info']);
    expect(probe, await proxy.logs()).toMatchObject({ exitCode: 0 });
    const { State } = await proxy.inspect();
    await proxy.stop();
    expect(await proxy.ended()).toBe(0);
    expect(State.OOMKilled).toBe(false);
    expect(await proxy.logs()).not.toContain('"level":"error"');
  });

  it('the proxy image injects manifests, as a pipe', async () => {
    const manifest =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers: [{name: app, image: registry.example/app:1}]\n';
    const command = [
      ...['run', '--interactive', '--rm', '--read-only', '--network=none', '--cap-drop=ALL'],
      ...[images.proxy, 'inject', ...imageFlags],
    ];
    const running = promisify(execFile)('docker', command, { timeout: 60_000 });
    running.child.stdin?.end(manifest);
    const { stdout, stderr } = await running;
    expect(stderr).toContain('Pod web: injected');
    expect(parse(stdout).spec.initContainers).toHaveLength(2);
  });

  it.each(['iptables', 'nft', 'iptables-legacy'])('the init redirects with %s', async (backend) => {
    const legacy = backend === 'iptables-legacy';
    const { exitCode, output } = await run(images.init, {
      User: '0',
      Env: [`INIT_BACKEND=${backend}`],
      HostConfig: {
        ...restricted,
        NetworkMode: 'bridge',
        // Its lock is a file, and its sockets are raw.
        ...(legacy ? { Tmpfs: { '/run': '' } } : {}),
        CapAdd: legacy ? ['NET_ADMIN', 'NET_RAW'] : ['NET_ADMIN'],
      },
    });
    expect(exitCode, output).toBe(0);
    expect(output).toContain('redirect verified');
  });

  it('the init names what is missing when it runs as its own user', async () => {
    const { exitCode, output } = await run(images.init);
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(/NET_ADMIN|user 0|root/);
  });
});
