import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { backendNames } from '../../../src/init/backends/backend.ts';
import { createNamespace, describeInNamespaces } from '../../support/netns.ts';
import { guardedBehaviour, observe } from '../../support/netns-behaviour.ts';
import { createLab, imds, type Lab } from '../../support/netns-lab.ts';
import { itUnless } from '../../support/skip.ts';

const hasCompiler = spawnSync('gcc', ['--version'], { stdio: 'ignore' }).status === 0;
const noCompiler = hasCompiler ? undefined : 'gcc is not installed';
const guarded = { INIT_GUARD: 'imds+wireserver', INIT_PACKET_GUARD: 'on' };

/** Ways to write a frame, told by what the kernel is made to believe. */
const frames = [
  { how: 'as it is', protocol: '0800', tags: 0, bypass: 0 },
  { how: 'past the queueing discipline', protocol: '0800', tags: 0, bypass: 1 },
  { how: 'declared as another protocol', protocol: '8137', tags: 0, bypass: 0 },
  { how: 'declared as IPv6', protocol: '86dd', tags: 0, bypass: 0 },
  { how: 'without a protocol', protocol: '0', tags: 0, bypass: 0 },
  { how: 'tagged for VLAN 0', protocol: '8100', tags: 1, bypass: 0 },
  { how: 'tagged for VLAN 0 and declared as IPv4', protocol: '0800', tags: 1, bypass: 0 },
  { how: 'tagged twice', protocol: '8100', tags: 2, bypass: 0 },
] as const;

describeInNamespaces('the packet guard', () => {
  let lab: Lab;
  let directory: string;
  let sender: string;
  let toMac: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'azwi-packet-'));
    sender = join(directory, 'send');
    if (!hasCompiler) return;
    const source = join(import.meta.dirname, '../../support/netns-packet.c');
    execFileSync('gcc', ['-o', sender, source]);
  });
  afterAll(() => rmSync(directory, { recursive: true }));
  beforeEach(async () => {
    lab = await createLab();
    await lab.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
    const [link] = JSON.parse(await lab.node.must(['ip', '-j', 'link', 'show', 'veth0']));
    toMac = link.address;
    await lab.node.must(['nft', '-f', '-'], {
      input: `table ip seen { chain in { type filter hook prerouting priority -300;
        tcp sport 45678 counter; }; }`,
    });
  });
  afterEach(() => lab.remove());

  /** How many frames reach the node's network stack when one is sent with nothing but NET_RAW. */
  const send = async (
    { protocol, tags, bypass }: (typeof frames)[number],
    { host = imds.host as string, port = 80, uid = '3000' } = {},
  ): Promise<number> => {
    const count = async (): Promise<number> => {
      const text = await lab.node.must(['nft', 'list', 'table', 'ip', 'seen']);
      return Number(/packets (\d+)/.exec(text)?.[1]);
    };
    const before = await count();
    const who = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
    const withNetRaw = ['--inh-caps=-all,+net_raw', '--ambient-caps=-all,+net_raw'];
    const frame = ['eth0', '10.77.0.9', host, `${port}`, toMac, protocol, `${tags}`, `${bypass}`];
    await lab.pod.must(['setpriv', ...who, ...withNetRaw, sender, ...frame]);
    return (await count()) - before;
  };

  itUnless(
    noCompiler,
    'refuses what a process with NET_RAW writes itself, however it is declared',
    async () => {
      expect((await lab.init([], { INIT_GUARD: 'imds+wireserver' })).exitCode).toBe(0);
      for (const frame of frames) {
        // Without the guard each of them arrives: the test would see it.
        expect({ ...frame, arrived: await send(frame) }).toEqual({ ...frame, arrived: 1 });
      }
      expect((await lab.init([], guarded)).exitCode).toBe(0);
      for (const frame of frames) {
        expect({ ...frame, arrived: await send(frame) }).toEqual({ ...frame, arrived: 0 });
      }
      const [plain] = frames;
      expect(await send(plain, { port: 443 })).toBe(0);
      for (const frame of frames) {
        expect(await send(frame, { host: '168.63.129.16' })).toBe(0);
      }
      expect(await send(plain, { host: '168.63.129.16', port: 53 })).toBe(1);
      expect(await send(plain, { host: '10.77.0.1' })).toBe(1);
      // The proxy's own ids.
      expect(await send(plain, { uid: '1501' })).toBe(1);
    },
  );

  it.each(backendNames)('changes nothing for anybody else, %s', async (backend) => {
    const env = { ...guarded, INIT_BACKEND: backend };
    expect((await lab.init([], env)).exitCode).toBe(0);
    expect(await observe(lab)).toEqual(guardedBehaviour);
    expect((await lab.init(['check'], env)).exitCode).toBe(0);
  });

  it('refuses a machine that a bridge joins to the link of the pod', async () => {
    const machine = await createNamespace();
    try {
      // KubeVirt's bridge binding: the machine has the pod's address, and no packet is routed.
      await lab.pod.must(['ip', '-batch', '-'], {
        input: `link add k6t-eth0 type bridge
link add port0 type veth peer name eth0 netns ${machine.path}
link set port0 up
link set port0 master k6t-eth0
addr flush dev eth0
link set eth0 master k6t-eth0
link set k6t-eth0 up
`,
      });
      await machine.must(['ip', '-batch', '-'], {
        input:
          'addr add 10.77.0.2/24 dev eth0\nlink set eth0 up\nroute add default via 10.77.0.1\n',
      });
      const inMachine = await machine.startAgent();
      expect(await inMachine.ask(imds)).toBe('imds');
      expect((await lab.init([], { ...guarded, INIT_EXEMPT: 'none' })).exitCode).toBe(0);
      expect(await inMachine.ask(imds)).toBe('timeout');
      expect(await inMachine.ask({ host: '10.77.0.1', port: 80 })).toBe('other');
    } finally {
      await machine.remove();
    }
  });

  it('is checked, follows new links at the next run, and is removed', async () => {
    const run = async (...args: string[]) => (await lab.init(args, guarded)).exitCode;
    expect(await run()).toBe(0);
    await lab.pod.must(['ip', 'link', 'add', 'eth1', 'type', 'bridge']);
    const { exitCode, stderr } = await lab.init(['check'], guarded);
    expect(exitCode).toBe(7);
    expect(stderr).toContain('packet guard: egress_2 should hold');
    expect(await run()).toBe(0);
    expect(await run()).toBe(0);
    expect(await run('check')).toBe(0);
    await lab.pod.must(['nft', 'flush', 'chain', 'netdev', 'azwi_proxy', 'egress_1']);
    expect(await run('check')).toBe(7);
    expect(await run()).toBe(0);
    const off = await lab.init([], { INIT_GUARD: 'imds' });
    expect(off.stdout).toContain('packet guard removed');
    expect(await lab.pod.must(['nft', 'list', 'tables'])).not.toContain('netdev');
    expect(await run()).toBe(0);
    expect(await run('remove')).toBe(0);
    expect(await lab.pod.must(['nft', 'list', 'tables'])).not.toContain('azwi');
  });

  it('is printed, as text that nft accepts', async () => {
    const { exitCode, stdout } = await lab.init(['print'], { ...guarded, INIT_BACKEND: 'nft' });
    expect(exitCode).toBe(0);
    await lab.pod.must(['nft', '-c', '-f', '-'], { input: stdout });
  });

  it('fails where the kernel has none, and leaves the redirect in force', async () => {
    // A link name that nft cannot write stands in for it.
    await lab.pod.must(['ip', 'link', 'add', 'a"b', 'type', 'bridge']);
    const { exitCode, stderr } = await lab.init([], guarded);
    expect(exitCode).toBe(4);
    expect(stderr).toContain('INIT_PACKET_GUARD=on cannot be put into force here');
    expect(stderr).toContain('drop the capability NET_RAW from every container');
    expect(await lab.ask()).toBe('proxy');
  });
});
