import { afterEach, beforeEach, expect, it } from 'vitest';
import { withNamespaceLock } from '../../../src/init/steps/lock.ts';
import type { Logger } from '../../../src/shared/logger.ts';
import { describeInNamespaces } from '../../support/netns.ts';
import { createLab, type Lab } from '../../support/netns-lab.ts';

const log: Logger = { isEnabled: () => false, log: () => {} };

/** Listens on the name that the lock had, and sends everyone away. */
const squatter = `const { createServer } = require('node:net');
createServer((socket) => socket.destroy()).listen('\\0azwi-proxy-init', () => console.log('held'))`;

describeInNamespaces('the lock of a network namespace', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await createLab();
  });
  afterEach(() => lab.remove());

  const lock = <T>(
    waitSeconds: number,
    work: () => Promise<T>,
    ...through: string[]
  ): Promise<T> => {
    const command = ['nsenter', `--net=${lab.pod.path}`, ...through, 'nft'] as const;
    return withNamespaceLock(
      waitSeconds,
      { command, env: { PATH: process.env['PATH'] }, log },
      work,
    );
  };
  const tables = () => lab.pod.must(['nft', 'list', 'tables']);

  it('lets one run work at a time, and is free after a failure', async () => {
    const order: string[] = [];
    const work = (name: string) => async (): Promise<string> => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      order.push(`${name} ends`);
      if (name === 'b') throw new Error('b fails');
      return name;
    };
    const names = ['a', 'b', 'c'];
    const results = await Promise.allSettled(names.map((name) => lock(60, work(name))));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(order).toHaveLength(6);
    for (let at = 0; at < 6; at += 2) {
      expect(order[at + 1]).toBe(order[at]?.replace('begins', 'ends'));
    }
    expect(await tables()).toBe('');
  });

  it('is not waited for beyond the deadline', async () => {
    await lock(60, async () => {
      const second = lock(0.05, async () => 'never');
      await expect(second).rejects.toMatchObject({ kind: 'run-in-progress', exitCode: 6 });
    });
  });

  it('cannot be held by a process that may not write rules', async () => {
    for (const uid of ['0', '3000']) {
      const who = [
        'setpriv',
        `--reuid=${uid}`,
        `--regid=${uid}`,
        '--clear-groups',
        '--inh-caps=-all',
        '--bounding-set=-all',
      ];
      const holder = lab.pod.start([...who, process.execPath, '-e', squatter]);
      await new Promise((resolve) => holder.stdout?.once('data', resolve));
      const { exitCode } = await lab.init(['check']);
      // Not 6: there is no redirect yet.
      expect({ uid, exitCode }).toEqual({ uid, exitCode: 7 });
      expect((await lab.init()).exitCode).toBe(0);
      expect((await lab.init(['remove'])).exitCode).toBe(0);
      // Nor by the means of the lock itself.
      const tried = await lab.pod.run([...who, 'nft', '-i'], {
        input: 'create table ip6 azwi_proxy_lock { flags owner; }\n',
      });
      expect(tried.stderr).toContain('Operation not permitted');
      holder.kill('SIGKILL');
    }
  });

  it('leaves no file behind, and needs none that can be written', async () => {
    const home = await lab.pod.must(['mktemp', '-d']);
    const readOnly = ['unshare', '--mount', 'sh', '-ec', 'mount -o bind,ro / /; exec "$@"', 'sh'];
    const { exitCode } = await lab.init([], { HOME: home.trim() }, { through: readOnly });
    expect(exitCode).toBe(0);
    await lab.init([], { HOME: home.trim() });
    expect(await lab.pod.must(['ls', '-A', home.trim()])).toBe('');
    await lab.pod.must(['rmdir', home.trim()]);
  });

  it('is skipped where the kernel or the permission for it is missing', async () => {
    const noCapability = ['setpriv', '--inh-caps=-all', '--bounding-set=-all'];
    expect(await lock(60, async () => 'done', ...noCapability)).toBe('done');
    expect(await lock(60, async () => 'done', 'env', 'PATH=/nonexistent')).toBe('done');
  });
});
