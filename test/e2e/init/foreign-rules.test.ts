import { afterEach, beforeEach, expect, it } from 'vitest';
import { type BackendName, backendNames } from '../../../src/init/backends/backend.ts';
import { describeInNamespaces } from '../../support/netns.ts';
import { createLab, type Lab } from '../../support/netns-lab.ts';

const forImds = '-d 169.254.169.254 -p tcp --dport 80';
const owner = '-m owner --uid-owner 3000';

interface Foreign {
  readonly what: string;
  /** One command per line, run in the pod. */
  readonly commands: string;
  readonly backends?: readonly BackendName[];
  /** What user 3000 gets: `imds` is the node's identity. */
  readonly gets: string;
}

/** A nat chain of nft at a priority, for one user. */
const nftNat = (priority: number, family = 'ip', rule = 'dnat to 169.254.169.254:80') =>
  `nft add table ${family} other
nft add chain ${family} other out { type nat hook output priority ${priority}; }
nft add rule ${family} other out ip daddr 169.254.169.254 meta l4proto tcp meta skuid 3000 ${family === 'inet' ? rule.replace('dnat to', 'dnat ip to') : rule}`;

/** Rules that take the connections of user 3000, and of nobody else, before ours do. */
const harmful: readonly Foreign[] = [
  ...(['ACCEPT', 'RETURN', 'DNAT --to-destination 169.254.169.254:80'] as const).map((target) => ({
    what: `iptables ${target} ahead of ours`,
    commands: `iptables-nft -t nat -I OUTPUT ${forImds} ${owner} -j ${target}`,
    backends: ['iptables'] as const,
    gets: 'imds',
  })),
  {
    what: 'an iptables rule without an address ahead of ours',
    commands: `iptables-nft -t nat -I OUTPUT ${owner} -j ACCEPT`,
    backends: ['iptables'],
    gets: 'imds',
  },
  {
    what: 'a rule of legacy iptables ahead of ours',
    commands: `iptables-legacy -t nat -I OUTPUT -d 169.254.0.0/16 ${owner} -j ACCEPT`,
    backends: ['iptables-legacy'],
    gets: 'imds',
  },
  {
    what: 'a chain of another program ahead of ours',
    commands: `iptables-nft -t nat -N OTHER
iptables-nft -t nat -A OTHER -d 10.0.0.0/8 -j RETURN
iptables-nft -t nat -A OTHER ${owner} -m comment --comment "-d 127.0.0.1 not a match" -j ACCEPT
iptables-nft -t nat -I OUTPUT -p tcp -j OTHER`,
    backends: ['iptables'],
    gets: 'imds',
  },
  {
    what: 'a rule of the other variant, which was used last',
    commands: `iptables-legacy -t nat -A OUTPUT ${forImds} ${owner} -j DNAT --to-destination 169.254.169.254:80`,
    backends: ['iptables'],
    gets: 'imds',
  },
  {
    what: 'a rule of the other variant, the other way round',
    commands: `iptables-nft -t nat -A OUTPUT ${forImds} ${owner} -j DNAT --to-destination 169.254.169.254:80`,
    backends: ['iptables-legacy'],
    gets: 'imds',
  },
  { what: 'an nft chain at -150', commands: nftNat(-150), gets: 'imds' },
  { what: 'an inet nft chain at -150', commands: nftNat(-150, 'inet'), gets: 'imds' },
  {
    what: 'an nft chain at the priority of ours',
    commands: nftNat(-101),
    gets: 'imds',
  },
  {
    what: 'a redirect in an nft chain at -150',
    commands: nftNat(-150, 'ip', 'tcp dport 80 redirect to :9'),
    gets: 'ECONNREFUSED',
  },
  {
    what: 'an nft chain that jumps',
    commands: `nft add table ip other
nft add chain ip other sub
nft add rule ip other sub meta skuid 3000 meta l4proto tcp dnat to 169.254.169.254:80
nft add chain ip other out { type nat hook output priority -120; }
nft add rule ip other out ip daddr { 10.0.0.0/8, 169.254.0.0/16 } jump sub`,
    gets: 'imds',
  },
  {
    what: 'untracked connections, iptables',
    commands: `iptables-nft -t raw -A OUTPUT ${forImds} ${owner} -j CT --notrack`,
    gets: 'imds',
  },
  {
    what: 'untracked connections, legacy iptables',
    commands: `iptables-legacy -t raw -A OUTPUT ${forImds} ${owner} -j CT --notrack`,
    gets: 'imds',
  },
  {
    what: 'untracked connections, nft',
    commands: `nft add table inet other
nft add chain inet other out { type filter hook output priority -300; }
nft add rule inet other out ip daddr 169.254.169.254 meta skuid 3000 notrack`,
    gets: 'imds',
  },
];

/** Rules that run first and leave the connections alone. */
const harmless: readonly Omit<Foreign, 'gets'>[] = [
  {
    what: "Docker's name server",
    commands: `iptables-nft -t nat -N DOCKER_OUTPUT
iptables-nft -t nat -A DOCKER_OUTPUT -d 127.0.0.11/32 -p tcp --dport 53 -j DNAT --to-destination 127.0.0.11:40053
iptables-nft -t nat -I OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT`,
  },
  {
    what: "kube-proxy's services, in a cluster inside the pod",
    commands: `iptables-nft -t nat -N SERVICES
iptables-nft -t nat -N NODEPORTS
iptables-nft -t nat -A NODEPORTS -p tcp -m tcp --dport 30080 -j DNAT --to-destination 10.42.0.2:80
iptables-nft -t nat -A SERVICES -d 10.43.0.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.42.0.1:6443
iptables-nft -t nat -A SERVICES -m addrtype --dst-type LOCAL -j NODEPORTS
iptables-nft -t nat -I OUTPUT -m comment --comment "service portals" -j SERVICES`,
  },
  {
    what: 'an nft chain for other addresses, ports and protocols',
    commands: `nft add table inet other
nft add chain inet other out { type nat hook output priority -150; }
nft add rule inet other out ip daddr != 169.254.0.0/16 tcp dport 80 redirect to :9
nft add rule inet other out ip daddr 10.0.0.0/8 meta l4proto tcp redirect to :9
nft add rule inet other out udp dport 53 redirect to :9
nft add rule inet other out tcp dport { 443, 8080-8090 } redirect to :9
nft add rule inet other out ip6 daddr fd00::/8 meta l4proto tcp redirect to :9
nft add rule inet other out counter accept`,
  },
  {
    what: 'marks, logs and accepts in other tables',
    commands: `iptables-nft -t mangle -A OUTPUT ${forImds} -j MARK --set-mark 7
iptables-nft -t raw -A OUTPUT ${forImds} -j ACCEPT
nft add table inet other
nft add chain inet other out { type route hook output priority -200; }
nft add rule inet other out ip daddr 169.254.169.254 meta mark set 1 counter accept`,
  },
  {
    what: 'what the kernel would refuse anyway',
    commands: `iptables-nft -t mangle -A OUTPUT -d 169.254.169.254 ${owner} -j DROP`,
  },
];

const matrix = <T extends { readonly what: string; readonly backends?: readonly BackendName[] }>(
  rows: readonly T[],
) => rows.flatMap((row) => (row.backends ?? backendNames).map((backend) => ({ ...row, backend })));

describeInNamespaces("another program's rules", () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await createLab();
  });
  afterEach(() => lab.remove());

  const add = async (commands: string): Promise<void> => {
    for (const command of commands.split('\n')) {
      await lab.pod.must(
        command.match(/"[^"]*"|\{[^}]*\}|\S+/g)?.map((word) => word.replaceAll('"', '')) ?? [],
      );
    }
  };

  it.each(matrix(harmful))(
    '$what: check finds it, with $backend',
    async ({ commands, backend, gets }) => {
      const env = { INIT_BACKEND: backend };
      expect((await lab.init([], env)).exitCode).toBe(0);
      await add(commands);
      for (const proxy of ['down', 'up']) {
        if (proxy === 'up')
          await lab.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
        const { exitCode, stderr } = await lab.init(['check'], env);
        expect({ proxy, exitCode }).toEqual({ proxy, exitCode: 7 });
        expect(stderr).toContain('runs before them and can take connections to 169.254.169.254');
        // The rule's own text.
        expect(stderr).toMatch(/3000|redirect/);
      }
      expect(await lab.ask()).toBe('proxy');
      // What it would mean not to find it.
      expect(await lab.ask({ uid: 3000 })).toBe(gets);
    },
  );

  it.each(matrix(harmful.filter(({ commands }) => !commands.includes('-t nat'))))(
    '$what: a first run finds it, with $backend',
    async ({ commands, backend }) => {
      await add(commands);
      const { exitCode, stderr } = await lab.init([], { INIT_BACKEND: backend });
      expect(exitCode).toBe(7);
      expect(stderr).toContain('runs before them and can take connections to 169.254.169.254');
    },
  );

  it.each(matrix(harmless))('$what: harmless, with $backend', async ({ commands, backend }) => {
    const env = { INIT_BACKEND: backend };
    expect((await lab.init([], env)).exitCode).toBe(0);
    await add(commands);
    const { exitCode, stderr } = await lab.init(['check'], env);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    await lab.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
    expect(await lab.ask()).toBe('proxy');
  });

  it('auto takes nft if a rule of the other variant might be first', async () => {
    await add(
      `iptables-legacy -t nat -A OUTPUT ${forImds} ${owner} -j DNAT --to-destination 169.254.169.254:80`,
    );
    const { exitCode, stdout } = await lab.init();
    expect(exitCode).toBe(0);
    expect(stdout).toContain('rules in force (backend=nft)');
    await lab.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
    expect(await lab.ask({ uid: 3000 })).toBe('proxy');
  });

  it.each(['iptables', 'iptables-legacy'] as const)(
    'check finds one ahead of the guard, %s',
    async (backend) => {
      const env = { INIT_BACKEND: backend, INIT_GUARD: 'imds' };
      expect((await lab.init([], env)).exitCode).toBe(0);
      const iptables = backend === 'iptables' ? 'iptables-nft' : backend;
      await add(`${iptables} -I OUTPUT -d 169.254.169.254 ${owner} -j ACCEPT`);
      expect(await lab.ask({ uid: 3000, port: 81 })).toBe('imds:81');
      const { exitCode, stderr } = await lab.init(['check'], env);
      expect(exitCode).toBe(7);
      expect(stderr).toContain(`${backend} filter OUTPUT runs before them`);
    },
  );

  it('one of unknown effect is logged as a warning with its text', async () => {
    await lab.init();
    await add(
      `iptables-nft -t mangle -A OUTPUT ${forImds} -j NFQUEUE --queue-num 7 --queue-bypass`,
    );
    const { exitCode, stdout } = await lab.init(['check']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('warning: a rule of another program may run before the redirect');
    expect(stdout).toContain('NFQUEUE --queue-num 7');
  });
});
