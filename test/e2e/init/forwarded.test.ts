import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backendNames } from '../../../src/init/backends/backend.ts';
import { describeInNamespaces } from '../../support/netns.ts';
import { createLab, imds, type Lab } from '../../support/netns-lab.ts';
import { createNested, type Nested } from '../../support/netns-nested.ts';

describeInNamespaces('traffic that the pod forwards', () => {
  describe.each(backendNames)('with rules written by %s', (backend) => {
    let lab: Lab;
    let nested: Nested;
    beforeEach(async () => {
      lab = await createLab();
      // KubeVirt's bridge: docker0 would be a sign of a node.
      nested = await createNested(lab.pod, 'k6t-eth0');
      await lab.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
    });
    afterEach(async () => {
      await nested.machine.remove();
      await lab.remove();
    });

    const run = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
      const { exitCode, stderr } = await lab.init(args, { INIT_BACKEND: backend, ...env });
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    };
    const ask = (to: object = {}) => nested.inMachine.ask({ ...imds, ...to });

    it('cannot get the identity of the node, and everything else works as before', async () => {
      expect(await ask()).toBe('imds');
      await run([]);
      expect(await ask()).toBe('ECONNREFUSED');
      expect(await ask({ host: '10.77.0.1' })).toBe('other');
      expect(await ask({ port: 81 })).toBe('imds:81');
      expect(await ask({ host: '168.63.129.16', port: 53, udp: true })).toBe('dns');
      expect(await lab.ask()).toBe('proxy');
      expect(await lab.ask({ uid: 1501, gid: 1501 })).toBe('imds');
      await run(['check']);
    });

    it('is guarded like the pod itself', async () => {
      await run([], { INIT_GUARD: 'imds+wireserver' });
      expect(await ask()).toBe('ECONNREFUSED');
      expect(await ask({ port: 81 })).toBe('ECONNREFUSED');
      expect(await ask({ host: '168.63.129.16' })).toBe('ECONNREFUSED');
      expect(await ask({ host: '168.63.129.16', port: 32_526 })).toBe('ECONNREFUSED');
      expect(await ask({ host: '168.63.129.16', port: 53, udp: true })).toBe('dns');
      expect(await ask({ host: '10.77.0.1' })).toBe('other');
    });

    it('does not reach it on a connection that was open before', async () => {
      // Tracks connections before proxy-init does, as a mesh or Docker makes the kernel do.
      await lab.pod.must([
        'nft',
        'add',
        'chain',
        'ip',
        'outward',
        'in',
        '{ type filter hook forward priority 0; }',
      ]);
      await lab.pod.must([
        'nft',
        'add',
        'rule',
        'ip',
        'outward',
        'in',
        'ct',
        'state',
        'new',
        'counter',
      ]);
      expect(await nested.inMachine.open(imds)).toBe('imds');
      expect(await nested.inMachine.say('first')).toBe('imds first');
      await run([]);
      expect(await nested.inMachine.say('second')).not.toContain('imds');
    });

    it('cannot get it past rules that Docker later puts first', async () => {
      await run([]);
      for (const iptables of ['iptables-nft', 'iptables-legacy']) {
        await lab.pod.must([iptables, '-I', 'FORWARD', '-i', 'k6t-eth0', '-j', 'ACCEPT']);
      }
      expect(await ask()).not.toBe('imds');
      expect(await ask({ host: '10.77.0.1' })).toBe('other');
    });

    it('is left alone with INIT_FORWARDED=off', async () => {
      await run([], { INIT_FORWARDED: 'off' });
      expect(await ask()).toBe('imds');
      const { exitCode, stderr } = await lab.init(['check'], { INIT_BACKEND: backend });
      expect(exitCode).toBe(7);
      expect(stderr).toMatch(/(?:filter FORWARD|AZWI_PROXY_FORWARD) should hold/);
    });

    it('is refused again when the option changes back, and not after remove', async () => {
      await run([], { INIT_FORWARDED: 'off' });
      await run([]);
      expect(await ask()).toBe('ECONNREFUSED');
      await run(['remove']);
      expect(await ask()).toBe('imds');
      const { stdout } = await lab.pod.run(['iptables-legacy-save']);
      const nft = await lab.pod.must(['nft', 'list', 'ruleset']);
      expect(`${stdout}${nft}`).not.toContain('AZWI');
    });

    it('fails the check if its rule is gone', async () => {
      await run([]);
      const removal =
        backend === 'nft'
          ? ['nft', 'flush', 'chain', 'ip', 'azwi_proxy', 'filter_forward']
          : [backend === 'iptables' ? 'iptables-nft' : backend, '-D', 'FORWARD', '1'];
      await lab.pod.must(removal);
      const { exitCode, stderr } = await lab.init(['check'], { INIT_BACKEND: backend });
      expect(exitCode).toBe(7);
      expect(stderr).toContain('filter FORWARD should hold');
    });
  });
});
