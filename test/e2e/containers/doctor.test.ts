/** The doctor in the container of the proxy, whose memory it shares. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { MIN_MEMORY_LIMIT_BYTES } from '../../../src/proxy/process/memory.ts';
import { type Container, describeWithDocker, startContainer } from '../../support/docker.ts';
import { startLimitedProxy, startRedirectedNetwork } from '../../support/docker-limited-proxy.ts';
import { startWebhookTenant, type Tenant } from '../../support/docker-webhook.ts';
import { type Diagnosis, toDiagnosis } from '../../support/doctor.ts';
import { createPrintedTable } from '../../support/doctor-table.ts';

const MIB = 1_048_576;

describeWithDocker('the doctor in the container of the proxy', () => {
  let tenant: Tenant;
  const started: Container[] = [];
  beforeAll(async () => {
    tenant = await startWebhookTenant();
  }, 600_000);
  afterEach(async () => {
    for (const container of started.splice(0).reverse()) await container.remove();
  });
  afterAll(() => tenant?.remove());

  /** Every cause of this file, with the answer of the doctor. */
  const table = createPrintedTable();

  const start = async (...args: Parameters<typeof startContainer>): Promise<Container> => {
    const container = await startContainer(...args);
    started.push(container);
    return container;
  };

  const startProxy = (
    memoryBytes: number,
    { network = tenant.network, cpus }: { network?: string; cpus?: number } = {},
  ): Promise<Container> =>
    startLimitedProxy(start, tenant, {
      memoryBytes,
      network,
      cpus,
      env: ['IMDS_PROXY_PASSTHROUGH=off'],
    });

  async function diagnose(proxy: Container, ...args: readonly string[]): Promise<Diagnosis> {
    const { exitCode, output } = await proxy.exec(['/proxy', 'doctor', '--output=json', ...args]);
    return toDiagnosis(exitCode, output, '');
  }

  it('leaves room for the proxy in the smallest limit that is supported', async () => {
    const network = await startRedirectedNetwork(start, tenant);
    const proxy = await startProxy(MIN_MEMORY_LIMIT_BYTES, { network });
    const app = await start('app', {
      Image: tenant.images.app,
      Cmd: ['node', '/app.cjs', 'load', '1000', '8'],
      HostConfig: { NetworkMode: network },
    });
    await app.ended();
    const before = (await proxy.inspect()).State;
    const { exitCode, checks } = await diagnose(proxy, '--exchange');
    expect(exitCode, JSON.stringify(checks, null, 1)).toBe(0);
    expect(checks.find(({ id }) => id === 'memory-kills')?.status).not.toBe('fail');
    expect((await proxy.inspect()).State).toMatchObject({ Running: true, OOMKilled: false });

    // More than the limit holds: the doctors give way, and the proxy does not notice.
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => proxy.exec(['/proxy', 'doctor', '--exchange'])),
    );
    console.log(`four doctors at a time: exit ${runs.map((run) => run.exitCode).join(', ')}`);
    for (const run of runs) expect([0, 1, 137]).toContain(run.exitCode);
    const { Running, StartedAt } = (await proxy.inspect()).State;
    expect({ Running, StartedAt }).toEqual({ Running: true, StartedAt: before.StartedAt });
  });

  it('is ended before the proxy if the memory runs out', async () => {
    const proxy = await startProxy(MIN_MEMORY_LIMIT_BYTES);
    const score = `const fs = require('node:fs');
      const child = require('node:child_process').spawn('/usr/local/bin/node', ['/proxy', 'doctor']);
      child.stdout.once('data', () => {
        console.log(fs.readFileSync('/proc/' + child.pid + '/oom_score_adj', 'utf8'));
        child.kill();
      });`;
    const { output } = await proxy.exec(['/usr/local/bin/node', '-e', score]);
    expect(output.trim()).toBe('1000');
  });

  it('memory limit under the minimum', async () => {
    const proxy = await startProxy(80 * MIB);
    const diagnosis = await diagnose(proxy);
    table.add('memory limit under the minimum', diagnosis);
    expect(diagnosis.first).toMatchObject({
      id: 'memory-limit',
      summary: expect.stringMatching(/80 MiB is below the supported 128 MiB/),
      fix: expect.stringMatching(/^Set resources\.limits\.memory .* to 128Mi or more/),
    });
  });

  it('OOM', async () => {
    const proxy = await startProxy(MIN_MEMORY_LIMIT_BYTES);
    const hog = 'const all = []; for (;;) all.push(Buffer.alloc(8 * 1048576, 1))';
    const { exitCode } = await proxy.exec(['/usr/local/bin/node', '-e', hog]);
    expect(exitCode).toBe(137);
    const diagnosis = await diagnose(proxy);
    table.add('OOM', diagnosis);
    expect(diagnosis.first).toMatchObject({
      id: 'memory-kills',
      summary: expect.stringMatching(/^the kernel has killed \d+ process\(es\) of this container/),
      fix: expect.stringMatching(/^Raise resources\.limits\.memory/),
    });
  });

  it('a healthy run at a tenth of a CPU', async () => {
    const proxy = await startProxy(MIN_MEMORY_LIMIT_BYTES, { cpus: 0.1 });
    const startedAtMs = performance.now();
    const { exitCode, checks } = await diagnose(proxy);
    console.log(`doctor at 100m CPU: ${Math.round(performance.now() - startedAtMs)} ms`);
    expect(exitCode, JSON.stringify(checks, null, 1)).toBe(0);
  });

  it('printed/container.md has every cause with the answer of the doctor', async () => {
    await expect(table.render()).toMatchFileSnapshot('../doctor/printed/container.md');
  });
});
