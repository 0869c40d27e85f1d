import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backendNames } from '../../../src/init/backends/backend.ts';
import { describeInNamespaces } from '../../support/netns.ts';
import { createLab, type Lab } from '../../support/netns-lab.ts';

describeInNamespaces('the redirect', () => {
  describe.each(backendNames)('written by %s', (backend) => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await createLab();
      await lab.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
      const { exitCode, stderr } = await lab.init([], { INIT_BACKEND: backend });
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
    });
    afterAll(() => lab.remove());

    it.each([0, 1000])('case 1: redirects uid %i to the proxy', async (uid) => {
      expect(await lab.ask({ uid })).toBe('proxy');
    });

    it('case 2: exempts uid 1501', async () => {
      expect(await lab.ask({ uid: 1501, gid: 1501 })).toBe('imds');
    });

    it('case 3: leaves other ports and other addresses alone', async () => {
      expect(await lab.ask({ port: 81 })).toBe('imds:81');
      expect(await lab.ask({ port: 443 })).toBe('imds:443');
      expect(await lab.ask({ host: '10.77.0.1' })).toBe('other');
      expect(await lab.ask({ host: '168.63.129.16' })).toBe('wire');
    });

    it('shows the proxy the address of the pod as its peer', async () => {
      await lab.ask();
      expect((await lab.inPod.peers()).at(-1)).toMatch(/^10\.77\.0\.2:\d+$/);
    });

    it('case 36: redirects a proxy with another uid to itself', async () => {
      expect(await lab.ask({ uid: 2000, gid: 1501 })).toBe('proxy');
    });
  });

  describe('configured otherwise', () => {
    let lab: Lab;
    beforeEach(async () => {
      lab = await createLab();
      await lab.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
    });
    afterEach(() => lab.remove());

    const apply = async (env: Readonly<Record<string, string>>): Promise<void> => {
      const { exitCode, stderr } = await lab.init([], env);
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
    };

    it.each(backendNames)('case 12: accepts lists, networks and ranges, %s', async (backend) => {
      await apply({
        INIT_BACKEND: backend,
        METADATA_IP: '169.254.169.254,10.10.0.7/16',
        METADATA_PORT: '80:90',
        PROXY_UID: '1000-2000',
      });
      expect(await lab.ask({ port: 85 })).toBe('proxy');
      expect(await lab.ask({ host: '10.10.0.9' })).toBe('proxy');
      expect(await lab.ask({ host: '10.77.0.1' })).toBe('other');
      expect(await lab.ask({ port: 443 })).toBe('imds:443');
      expect(await lab.ask({ uid: 999 })).toBe('proxy');
      expect(await lab.ask({ uid: 1000 })).toBe('imds');
      expect(await lab.ask({ uid: 2000, port: 81 })).toBe('imds:81');
      expect(await lab.ask({ uid: 2001 })).toBe('proxy');
    });

    it.each(backendNames)('case 34: exempts by user and group together, %s', async (backend) => {
      await apply({ INIT_BACKEND: backend, INIT_EXEMPT: 'uid+gid' });
      expect(await lab.ask({ uid: 1501, gid: 1501 })).toBe('imds');
      expect(await lab.ask({ uid: 1501, gid: 0 })).toBe('proxy');
      expect(await lab.ask({ uid: 1501, gid: 0, groups: [1501] })).toBe('proxy');
      expect(await lab.ask({ uid: 0, gid: 1501 })).toBe('proxy');
    });

    it.each(backendNames)('case 34: exempts what dials the alias port, %s', async (backend) => {
      await apply({ INIT_BACKEND: backend, INIT_EXEMPT: 'alias-port', INIT_GUARD: 'imds' });
      expect(await lab.ask({ uid: 1501, gid: 1501 })).toBe('proxy');
      expect(await lab.ask({ uid: 10_001, port: 60_080 })).toBe('imds');
      expect(await lab.ask({ uid: 10_001, port: 81 })).toBe('ECONNREFUSED');
    });

    it.each(backendNames)('case 34: exempts nobody, %s', async (backend) => {
      await apply({ INIT_BACKEND: backend, INIT_EXEMPT: 'none' });
      expect(await lab.ask({ uid: 1501, gid: 1501 })).toBe('proxy');
      expect(await lab.ask({ port: 60_080 })).toBe('ECONNREFUSED');
    });

    it.each(backendNames)('case 35: leads to a proxy in another namespace, %s', async (backend) => {
      await lab.onNode.listen({ host: '10.77.0.1', port: 8000, name: 'remote proxy' });
      await apply({ INIT_BACKEND: backend, PROXY_HOST: '10.77.0.1' });
      expect(await lab.ask()).toBe('remote proxy');
      expect(await lab.ask({ uid: 1501, gid: 1501 })).toBe('remote proxy');
      expect((await lab.init(['check'], { PROXY_HOST: '10.77.0.1' })).exitCode).toBe(0);
    });

    it('case 35: is verified by its counter while that proxy is down', async () => {
      const { exitCode, stdout } = await lab.init([], { PROXY_HOST: '10.77.0.1' });
      expect(exitCode).toBe(0);
      expect(stdout).toContain('does not answer yet (reason=ECONNREFUSED)');
      expect(stdout).toContain('method=counter');
    });

    it('case 37: leads to 127.0.0.1, which a proxy bound to ::1 by name would miss', async () => {
      await lab.inPod.listen({ host: '::1', port: 9000, name: 'only on ::1' });
      await apply({ PROXY_PORT: '9000' });
      expect(await lab.ask()).toBe('ECONNREFUSED');
      await lab.inPod.listen({ host: '127.0.0.1', port: 9000, name: 'proxy on 9000' });
      expect(await lab.ask()).toBe('proxy on 9000');
    });

    it('case 11: treats empty variables as unset', async () => {
      const empty = { PROXY_PORT: '', METADATA_IP: '', METADATA_PORT: '', PROXY_UID: '' };
      await apply({ ...empty, INIT_BACKEND: '', INIT_EXEMPT: '', INIT_GUARD: '', PROXY_HOST: '' });
      expect(await lab.ask()).toBe('proxy');
      expect(await lab.ask({ uid: 1501 })).toBe('imds');
    });

    it('prefers flags to variables', async () => {
      await lab.inPod.listen({ host: '127.0.0.1', port: 9000, name: 'proxy on 9000' });
      const { exitCode } = await lab.init(['-proxy-port=9000'], { PROXY_PORT: '8000' });
      expect(exitCode).toBe(0);
      expect(await lab.ask()).toBe('proxy on 9000');
    });
  });
});
