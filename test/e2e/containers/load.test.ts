import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { evict } from '../../../bench/harness/page-cache.ts';
import { MIN_MEMORY_LIMIT_BYTES } from '../../../src/proxy/process/memory.ts';
import {
  type Container,
  connect,
  describeWithDocker,
  startContainer,
} from '../../support/docker.ts';
import { startLimitedProxy, startRedirectedNetwork } from '../../support/docker-limited-proxy.ts';
import { startWebhookTenant, type Tenant } from '../../support/docker-webhook.ts';

const keys = 1_000;
const callers = 8;

describeWithDocker('the smallest memory limit that is supported', () => {
  let tenant: Tenant;
  let directory: string;
  const started: Container[] = [];
  beforeAll(async () => {
    tenant = await startWebhookTenant();
    directory = await mkdtemp(join(tmpdir(), 'imds-proxy-load-'));
  }, 600_000);
  afterAll(async () => {
    for (const container of started.reverse()) await container.remove();
    await tenant?.remove();
    await rm(directory, { recursive: true, force: true });
  });

  const start = async (...args: Parameters<typeof startContainer>): Promise<Container> => {
    const container = await startContainer(...args);
    started.push(container);
    return container;
  };

  it('bears 1,000 keys, even when it must read its Node binary from disk first', async () => {
    const network = await startRedirectedNetwork(start, tenant);

    // A separate file, since all containers of an image share the pages of its files.
    // A retry must not write to the file that the first run's container may still execute.
    const binary = join(await mkdtemp(join(directory, 'run-')), 'node');
    await copyFile(await findNodeBinary(tenant.images.proxy), binary);
    await evict(binary);
    const proxy = await startLimitedProxy(start, tenant, {
      memoryBytes: MIN_MEMORY_LIMIT_BYTES,
      network,
      binds: [`${binary}:/usr/local/bin/node:ro`],
    });
    const app = await start('app', {
      Image: tenant.images.app,
      Cmd: ['node', '/app.cjs', 'load', `${keys}`, `${callers}`],
      HostConfig: { NetworkMode: network },
    });
    await app.ended();
    const { outcomes, slowestMs } = JSON.parse(await app.logs());
    console.log(
      `${keys} keys, ${callers} callers: ${JSON.stringify(outcomes)}, at most ${slowestMs} ms`,
    );

    // A request without an answer within 20 s counts as another outcome.
    expect(outcomes).toEqual({ 200: keys });
    const { State, RestartCount } = await proxy.inspect();
    expect(State).toMatchObject({ Running: true, OOMKilled: false });
    expect(RestartCount).toBe(0);
  }, 300_000);
});

/** Where the engine keeps the Node binary of an image. */
async function findNodeBinary(image: string): Promise<string> {
  const { container } = await connect();
  const { GraphDriver } = await container.dockerode.getImage(image).inspect();
  // The driver's type lacks the fields of overlay2, which name the folders of the layers.
  const { LowerDir = '', UpperDir = '' } = { ...GraphDriver.Data } as Record<string, string>;
  const files = [UpperDir, ...LowerDir.split(':')].map((layer) =>
    join(layer, 'usr/local/bin/node'),
  );
  const found = files.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`no layer of ${image} has a Node binary`);
  return found;
}
