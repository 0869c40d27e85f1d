import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { describeInNamespaces } from '../../support/netns.ts';
import { clients } from '../lab/catalogue.ts';
import { runClient } from '../lab/run-client.ts';

const client = clients.find(({ id }) => id === 'curl');
if (client === undefined) throw new Error('the catalogue has no curl');
const hangs = { command: ['sh', '-c', 'sleep 100'], records: false, only: ['default'] } as const;

describeInNamespaces('the stage of a client', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'run-client-test-'));
    await chmod(directory, 0o755);
    vi.stubEnv('TMPDIR', directory);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true, force: true });
  });

  async function listNamespaces(): Promise<readonly string[]> {
    return (await readdir('/run/netns')).filter((name) => name.startsWith(`azwi-${process.pid}-`));
  }

  test('leaves nothing behind when it is ended in the middle of a scenario', async () => {
    const interruption = new AbortController();
    const ended = expect(runClient(client, hangs, interruption.signal)).rejects.toThrow(
      'curl: the stage was ended after 0 scenarios: enough',
    );
    await vi.waitFor(
      async () => {
        const names = await readdir(directory, { recursive: true });
        expect(names.some((name) => /clients-proxy-\w+\/bin\/proxy$/.test(name))).toBe(true);
      },
      { timeout: 30_000, interval: 50 },
    );
    expect(await listNamespaces()).toHaveLength(1);
    interruption.abort(new Error('enough'));
    await ended;
    expect(await readdir(directory)).toEqual([]);
    expect(await listNamespaces()).toEqual([]);
  });
});
