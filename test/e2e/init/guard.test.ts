import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backendNames } from '../../../src/init/backends/backend.ts';
import { describeInNamespaces } from '../../support/netns.ts';
import { guardedBehaviour, observe } from '../../support/netns-behaviour.ts';
import { createLab, imds, type Lab } from '../../support/netns-lab.ts';

describeInNamespaces('the guard', () => {
  describe.each(backendNames)('written by %s', (backend) => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await createLab();
      await lab.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
    });
    afterAll(() => lab.remove());

    it('case 27: refuses everybody but the proxy, and keeps DNS open', async () => {
      await lab.init([], { INIT_BACKEND: backend, INIT_GUARD: 'imds+wireserver' });
      expect(await observe(lab)).toEqual(guardedBehaviour);
    });

    it('leaves the wire server open with INIT_GUARD=imds', async () => {
      await lab.init([], { INIT_BACKEND: backend, INIT_GUARD: 'imds' });
      expect(await observe(lab)).toEqual({
        ...guardedBehaviour,
        'an application asks the wire server': 'wire',
        'and its port 32526': 'wire:32526',
      });
    });

    it.each([
      { exempt: 'uid' },
      { exempt: 'uid+gid' },
      { exempt: 'alias-port' },
      { exempt: 'none' },
    ])('cuts a connection that was open before, with INIT_EXEMPT=$exempt', async ({ exempt }) => {
      const fresh = await createLab();
      try {
        await trackConnections(fresh);
        expect(await fresh.inPod.open({ ...imds, uid: 1000 })).toBe('imds');
        expect(await fresh.inPod.say('first')).toBe('imds first');
        const env = { INIT_BACKEND: backend, INIT_EXEMPT: exempt, INIT_GUARD: 'imds' };
        expect((await fresh.init([], env)).exitCode).toBe(0);
        expect(await fresh.inPod.say('second')).not.toContain('imds');
      } finally {
        await fresh.remove();
      }
    });

    it('is missing: a warning names the open connection, which lives on', async () => {
      const fresh = await createLab();
      try {
        await trackConnections(fresh);
        // The proxy's own connection is none to warn of.
        expect(await fresh.inPod.open({ ...imds, uid: 1501, gid: 1501 })).toBe('imds');
        expect((await fresh.init([], { INIT_BACKEND: backend })).stdout).not.toContain('warning');
        await fresh.init(['remove']);
        expect(await fresh.inPod.open({ ...imds, uid: 1000 })).toBe('imds');
        const { exitCode, stdout } = await fresh.init([], { INIT_BACKEND: backend });
        expect(exitCode).toBe(0);
        expect(stdout).toContain(
          'warning: connections that were open before the redirect may keep the identity of the node (count=1 to=169.254.169.254:80',
        );
        expect(await fresh.inPod.say('second')).toBe('imds second');
      } finally {
        await fresh.remove();
      }
    });
  });
});

/** As a mesh or Docker makes the kernel do, before proxy-init does. */
async function trackConnections({ pod }: Lab): Promise<void> {
  await pod.must(['nft', '-f', '-'], {
    input:
      'table ip tracked { chain in { type filter hook output priority 0; ct state new counter; }; }',
  });
}
