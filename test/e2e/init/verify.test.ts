import { afterEach, beforeEach, expect, it } from 'vitest';
import { backendNames } from '../../../src/init/backends/backend.ts';
import { describeInNamespaces, type Namespace } from '../../support/netns.ts';
import { createLab, type Lab } from '../../support/netns-lab.ts';

const variants = ['nft', 'legacy'] as const;

/** Runs a command as the proxy's user, who may write rules here and nothing else. */
const asProxyUser = [
  'setpriv',
  '--reuid=1501',
  '--regid=1501',
  '--clear-groups',
  '--inh-caps=-all,+net_admin',
  '--ambient-caps=-all,+net_admin',
];

/** What a service mesh leaves behind: everything but itself goes to its own port. */
const meshRules = `*nat
:ISTIO_OUTPUT - [0:0]
-A OUTPUT -p tcp -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
-A ISTIO_OUTPUT -p tcp -j REDIRECT --to-ports 15001
COMMIT
`;

describeInNamespaces('the proof of the redirect', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await createLab();
    await lab.inPod.listen({ host: '127.0.0.1', port: 15_001, name: 'mesh' });
  });
  afterEach(() => lab.remove());

  const addMesh = (variant: string): Promise<string> =>
    lab.pod.must([`iptables-${variant}-restore`, '--noflush'], { input: meshRules });

  const startProxy = (): Promise<number> =>
    lab.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });

  it.each(variants.flatMap((variant) => backendNames.map((backend) => ({ variant, backend }))))(
    'case 23: holds after a mesh, $variant, by $backend',
    async ({ variant, backend }) => {
      await addMesh(variant);
      const { exitCode, stderr } = await lab.init([], { INIT_BACKEND: backend });
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      await startProxy();
      expect(await lab.ask()).toBe('proxy');
      expect(await lab.ask({ uid: 1501, gid: 1501 })).toBe('imds');
      expect(await lab.ask({ host: '10.77.0.1' })).toBe('mesh');
    },
  );

  it.each([
    { variant: 'nft', backend: 'nft' },
    { variant: 'legacy', backend: 'nft' },
    { variant: 'nft', backend: 'iptables' },
    { variant: 'legacy', backend: 'iptables-legacy' },
  ])('case 23: holds before a mesh, $variant, by $backend', async ({ variant, backend }) => {
    await lab.init([], { INIT_BACKEND: backend });
    await addMesh(variant);
    await startProxy();
    expect(await lab.ask()).toBe('proxy');
    expect(await lab.ask({ uid: 1501, gid: 1501 })).toBe('imds');
    expect((await lab.init(['check'])).exitCode).toBe(0);
  });

  it.each([
    { variant: 'legacy', backend: 'iptables' },
    { variant: 'nft', backend: 'iptables-legacy' },
  ])(
    'case 23: fails, and names the cure, before a mesh of the other variant, $variant, by $backend',
    async ({ variant, backend }) => {
      expect((await lab.init([], { INIT_BACKEND: backend })).exitCode).toBe(0);
      await addMesh(variant);
      await startProxy();
      expect(await lab.ask()).toBe('mesh');
      for (const args of [['check'], []]) {
        const { exitCode, stderr } = await lab.init(args, { INIT_BACKEND: backend });
        expect(exitCode).toBe(7);
        expect(stderr).toContain(
          '169.254.169.254:80 is not redirected (another NAT rule is first?)',
        );
        expect(stderr).toContain('-A OUTPUT -p tcp -j ISTIO_OUTPUT');
        expect(stderr).toContain('INIT_BACKEND=nft runs before both');
      }
      expect((await lab.init([], { INIT_BACKEND: 'nft' })).exitCode).toBe(0);
      expect(await lab.ask()).toBe('proxy');
    },
  );

  it.each(['before', 'after'])('case 24: nft wins over a legacy rule made %s it', async (when) => {
    const legacyRule =
      'iptables-legacy -t nat -A OUTPUT -d 169.254.169.254 -p tcp -j REDIRECT --to-ports 15001';
    if (when === 'before') await lab.pod.must(legacyRule.split(' '));
    expect((await lab.init([], { INIT_BACKEND: 'nft' })).exitCode).toBe(0);
    if (when === 'after') await lab.pod.must(legacyRule.split(' '));
    await startProxy();
    expect(await lab.ask()).toBe('proxy');
    expect((await lab.init(['check'])).exitCode).toBe(0);
  });

  it.each(backendNames)(
    'case 25: is the counter where the proxy listens already, %s',
    async (backend) => {
      await startProxy();
      const { exitCode, stdout } = await lab.init([], { INIT_BACKEND: backend });
      expect(exitCode).toBe(0);
      expect(stdout).toContain('redirect verified (address=169.254.169.254:80 method=counter)');
    },
  );

  it('ends although a client keeps its connection to the listener open', async () => {
    const client = lab.pod.start([process.execPath, '-e', clingingClient]);
    const nextWord = (): Promise<string> =>
      new Promise((resolve) => client.stdout?.once('data', (data) => resolve(`${data}`)));
    expect(await nextWord()).toBe('dialling\n');
    const heard = nextWord();
    // Many destinations make the proof long enough for the client to come across it.
    const addresses = Array.from(
      { length: 500 },
      (_, index) => `10.10.${index >> 8}.${index & 255}`,
    );
    const { exitCode, stderr } = await lab.init(
      [],
      { METADATA_IP: addresses.join(',') },
      { through: ['timeout', '30'] },
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await heard).toMatch(/^heard [-0-9a-f]{36}\n$/);
  });

  it('case 26: is not a refusal by the node', async () => {
    await lab.init();
    const reject = 'iptables -A INPUT -d 169.254.169.254 -p tcp -j REJECT --reject-with tcp-reset';
    await lab.node.must(reject.split(' '));
    await lab.pod.must(['iptables', '-t', 'nat', '-D', 'OUTPUT', '1']);
    expect(await lab.ask()).toBe('ECONNREFUSED');
    const { exitCode, stderr } = await lab.init(['check']);
    expect(exitCode).toBe(7);
    expect(stderr).toContain('nat OUTPUT should hold');
  });

  it.each([{ proxy: 'free' }, { proxy: 'taken' }])(
    'case 26: nor one behind a rule of the other variant, port $proxy',
    async ({ proxy }) => {
      const reject =
        'iptables -A INPUT -d 169.254.169.254 -p tcp -j REJECT --reject-with tcp-reset';
      await lab.node.must(reject.split(' '));
      await lab.init();
      // Registered last, it runs first, and its decision is final: the connection goes to the node.
      const steal =
        'iptables-legacy -t nat -A OUTPUT -d 169.254.169.254 -p tcp -j DNAT --to 169.254.169.254';
      await lab.pod.must(steal.split(' '));
      if (proxy === 'taken') await startProxy();
      expect(await lab.ask()).toBe('ECONNREFUSED');
      const { exitCode, stderr } = await lab.init(['check']);
      expect(exitCode).toBe(7);
      expect(stderr).toContain('is not redirected');
    },
  );

  it('is neither the answer of another listener nor silence', async () => {
    await lab.init();
    const steal =
      'iptables-legacy -t nat -A OUTPUT -d 169.254.169.254 -p tcp -j REDIRECT --to-ports 15001';
    await lab.pod.must(steal.split(' '));
    expect((await lab.init(['check'])).exitCode).toBe(7);
    await lab.pod.must(['iptables-legacy', '-t', 'nat', '-F']);
    expect((await lab.init(['check'])).exitCode).toBe(0);
    await lab.pod.must('iptables -I OUTPUT -p tcp --dport 8000 -j DROP'.split(' '));
    const silent = await lab.init(['check']);
    expect(silent.exitCode).toBe(7);
    expect(silent.stderr).toContain('Redirect did not answer within 1.5 s; is lo up?');
  });

  it('finds every difference between the rules and the configuration', async () => {
    const check = async (env: Readonly<Record<string, string>> = {}): Promise<string> => {
      const { exitCode, stderr } = await lab.init(['check'], env);
      expect(exitCode).toBe(7);
      return stderr;
    };
    expect(await check()).toContain('there is no rule of it');
    await lab.init();
    expect(await check({ PROXY_PORT: '9000' })).toContain('--to-ports 9000');
    expect(await check({ PROXY_UID: '2000' })).toContain('--uid-owner 2000');
    expect(await check({ INIT_GUARD: 'imds' })).toContain('filter OUTPUT should hold');
    expect(await check({ INIT_BACKEND: 'nft' })).toContain('it is held by iptables, not by nft');
    await lab.pod.must([
      'iptables',
      '-t',
      'nat',
      '-A',
      'AZWI_PROXY_OUTPUT',
      '-s',
      '10.0.0.1',
      '-j',
      'ACCEPT',
    ]);
    expect(await check()).toContain(
      'there is also "-A AZWI_PROXY_OUTPUT -s 10.0.0.1/32 -j ACCEPT"',
    );
    await lab.init();
    const second = await lab.init(['print'], { INIT_BACKEND: 'nft' });
    await lab.pod.must(['nft', '-f', '-'], { input: second.stdout });
    expect(await check()).toContain('each of iptables and nft holds one');
  });

  it.each([
    { who: 'every process of root', env: { PROXY_UID: '0' }, through: [] },
    { who: 'a range with root in it', env: { PROXY_UID: '0-1000' }, through: [] },
    {
      who: 'root with its group',
      env: { INIT_EXEMPT: 'uid+gid', PROXY_UID: '0', PROXY_GID: '0' },
      through: [],
    },
    { who: 'the uid that it was given itself', env: {}, through: asProxyUser },
  ])('fails if it is impossible, because $who is exempt', async ({ env, through }) => {
    for (const args of [[], ['check']]) {
      const { exitCode, stdout, stderr } = await lab.init(args, env, { through });
      expect({ args, exitCode }).toEqual({ args, exitCode: 7 });
      expect(stdout).not.toContain('redirect verified');
      expect(stderr).toContain('proxy-init itself is exempt from the redirect');
      expect(stderr).toContain('INIT_VERIFY=off');
    }
    const unproven = await lab.init([], { ...env, INIT_VERIFY: 'off' }, { through });
    expect({ exitCode: unproven.exitCode, stderr: unproven.stderr }).toEqual({
      exitCode: 0,
      stderr: '',
    });
    expect(unproven.stdout).toContain('not verified by a connection: INIT_VERIFY=off');
  });

  it('is possible for root with another group than the exempt one', async () => {
    const env = { INIT_EXEMPT: 'uid+gid', PROXY_UID: '0', PROXY_GID: '1501' };
    const { exitCode, stdout } = await lab.init([], env);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('method=nonce');
  });

  it('is skipped with INIT_VERIFY=off, but the rules are still read back', async () => {
    await lab.pod.must(['ip', 'link', 'set', 'lo', 'down']);
    expect((await lab.init(['--verify=off'])).exitCode).toBe(0);
    expect((await lab.init(['check', '--verify=off', '--proxy-port=1'])).exitCode).toBe(7);
  });

  it('case 30: sends no DNS query', async () => {
    await lab.pod.must(['nft', '-f', '-'], {
      input:
        'table ip dns { chain out { type filter hook output priority 0; udp dport 53 counter; }; }',
    });
    const count = (): Promise<string> => lab.pod.must(['nft', 'list', 'table', 'ip', 'dns']);
    for (const backend of backendNames) {
      for (const args of [[], ['check'], ['remove']]) {
        expect((await lab.init(args, { INIT_BACKEND: backend })).exitCode).toBe(0);
      }
    }
    expect(await count()).toContain('counter packets 0 bytes 0');
    await lab.inPod.ask({ host: '168.63.129.16', port: 53, udp: true });
    expect(await count()).not.toContain('counter packets 0 bytes 0');
  });

  it('case 33: exempts uid 1501 of a user namespace', async () => {
    const inside = await startUserNamespace(lab.pod);
    const init = lab.initForAll();
    const [node = process.execPath] = init.slice(0, -1);
    try {
      const enter = [
        'nsenter',
        '--user',
        '--net',
        `--target=${inside.pid}`,
        '-S',
        '0',
        '-G',
        '0',
        '--',
      ];
      const route = 'ip route add local 169.254.169.254/32 dev lo';
      await lab.pod.must([...enter, 'sh', '-c', `ip link set lo up && ${route}`]);
      await lab.pod.must([...enter, ...init]);
      const probe = `import('node:net').then(({ connect, createServer }) => createServer((s) => s.end('proxy')).listen(8000, '127.0.0.1', () => {
        process.seteuid(Number(process.argv[1]));
        connect(80, '169.254.169.254').on('data', (d) => { console.log(String(d)); process.exit() }).on('error', (e) => { console.log(e.code); process.exit() });
      }))`;
      const ask = async (uid: number): Promise<string> =>
        (await lab.pod.must([...enter, node, '-e', probe, `${uid}`])).trim();
      expect(await ask(0)).toBe('proxy');
      // Nothing listens on the address itself here: let through means refused.
      expect(await ask(1501)).toBe('ECONNREFUSED');
    } finally {
      inside.kill('SIGKILL');
    }
  });
});

/**
 * Connects to the proxy's port as soon as anybody listens there, and never closes. The timer is for Node,
 * which takes a connection that the other end has closed for no reason to stay.
 */
const clingingClient = `const { connect } = require('node:net');
(function dial() {
  const socket = connect({ host: '127.0.0.1', port: 8000, allowHalfOpen: true });
  socket.on('error', dial).on('data', (text) => console.log('heard ' + text));
})();
console.log('dialling');
setInterval(() => {}, 60_000)`;

/** A process in a user namespace, root there and uid 100000 outside, with a network namespace of its own. */
async function startUserNamespace(
  from: Namespace,
): Promise<{ pid: number; kill(signal: NodeJS.Signals): void }> {
  const child = from.start(['unshare', '--user', '--net', 'sh', '-c', 'echo ready; exec sleep 60']);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  const pid = child.pid ?? 0;
  for (const map of ['gid_map', 'uid_map']) {
    await from.must(['sh', '-c', `echo 0 100000 65536 > /proc/${pid}/${map}`]);
  }
  return { pid, kill: (signal) => child.kill(signal) };
}
