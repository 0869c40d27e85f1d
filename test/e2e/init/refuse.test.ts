import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { backendNames } from '../../../src/init/backends/backend.ts';
import { createNamespace, describeInNamespaces } from '../../support/netns.ts';
import { dumpRules } from '../../support/netns-init.ts';
import { createLab, type Lab, proxyInit } from '../../support/netns-lab.ts';
import { itUnless } from '../../support/skip.ts';

/** The kernel that lacks something is simulated by a library, which is compiled here. */
const hasCompiler = spawnSync('gcc', ['--version'], { stdio: 'ignore' }).status === 0;

/** Runs a command as root whose capabilities are these and can never be more. */
const withCapabilities = (...names: readonly string[]): readonly string[] => [
  'setpriv',
  '--inh-caps=-all',
  `--bounding-set=-all${names.map((name) => `,+${name}`).join('')}`,
  '--no-new-privs',
];

/** Runs a command after a script, in a mount namespace of their own. */
const afterMounts = (script: string): readonly string[] => [
  'unshare',
  '--mount',
  'sh',
  '-ec',
  `${script}\nexec "$@"`,
  'sh',
];

describeInNamespaces('proxy-init without what it needs', () => {
  let lab: Lab;
  let directory: string;
  beforeEach(async () => {
    lab = await createLab();
    directory = await mkdtemp(join(tmpdir(), 'azwi-init-'));
  });
  afterEach(async () => {
    await lab.remove();
    await rm(directory, { recursive: true });
  });

  it('case 10: refuses every value that upstream accepts silently', async () => {
    const bad = {
      PROXY_PORT: ['abc', '99999', '0', '8000:8001'],
      METADATA_IP: ['nosuch.invalid', '::1', '0.0.0.0/0', '10.0.0.0/33'],
      METADATA_PORT: ['80,443', 'http', '0', '90:80'],
      PROXY_UID: ['nouser', '-1', '4294967295', '2000-1000'],
      PROXY_HOST: ['nosuch.invalid', '0.0.0.0', '169.254.169.254'],
      INIT_EXEMPT: ['gid'],
      INIT_GUARD: ['on'],
      INIT_BACKEND: ['iptables-nft'],
      INIT_LOCK_WAIT: ['0', '5s'],
    };
    for (const [key, values] of Object.entries(bad)) {
      const runs = values.map((value) => lab.init([], { [key]: value }));
      for (const { exitCode, stdout, stderr } of await Promise.all(runs)) {
        expect({ key, exitCode, stdout }).toEqual({ key, exitCode: 2, stdout: '' });
        expect(stderr).toContain(`proxy-init: error: ${key}`);
        expect(stderr).toMatch(/; .*\. Nothing was changed\.\n$/);
      }
    }
    expect(await dumpRules(lab.pod)).toBe('');
  });

  it('refuses settings that contradict each other', async () => {
    const { exitCode, stderr } = await lab.init([], {
      METADATA_IP: '169.254.0.0/16',
      INIT_EXEMPT: 'alias-port',
      INIT_ALIAS_PORT: '80',
      INIT_GUARD: 'imds',
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('INIT_EXEMPT: "alias-port" needs one port and no network');
    expect(stderr).toContain('INIT_ALIAS_PORT: "80" is itself redirected');
    expect(stderr).toContain('INIT_GUARD: "imds" would refuse whole networks');
    expect(await dumpRules(lab.pod)).toBe('');
  });

  it('case 13: adds a local route where there is none, and removes it again', async () => {
    const lonely = await createNamespace();
    try {
      const routes = () => lonely.must(['ip', '-4', 'route', 'show', 'table', 'all']);
      const before = await routes();
      const through = withCapabilities('net_admin');
      const off = await lonely.run([proxyInit], { env: { INIT_ROUTE: 'off' } });
      expect(off.exitCode).toBe(7);
      expect(off.stderr).toBe(
        'proxy-init: error: No route to 169.254.169.254: connections fail before any rule applies. Run proxy-init with INIT_ROUTE=auto, or add a default route.\n',
      );
      for (const run of [1, 2]) {
        const { exitCode, stdout, stderr } = await lonely.run([proxyInit], { through });
        expect({ run, exitCode, stderr }).toEqual({ run, exitCode: 0, stderr: '' });
        expect(stdout.includes('local route added (to=169.254.169.254/32)')).toBe(run === 1);
      }
      const added = (await routes()).replace(before, '').trim();
      expect(added.split('\n').filter((line) => line.includes('169.254.169.254'))).toHaveLength(1);
      expect((await lonely.run([proxyInit, 'check'], { through })).exitCode).toBe(0);
      const removed = await lonely.run([proxyInit, 'remove'], { through });
      expect(removed.stdout).toContain('local route removed (to=169.254.169.254)');
      expect(await routes()).toBe(before);
      expect((await lonely.run([proxyInit, 'remove'])).stdout).toContain('nothing to remove');
    } finally {
      await lonely.remove();
    }
  });

  it('case 13: never adds or removes what somebody else made', async () => {
    const lonely = await createNamespace();
    try {
      await lonely.must(['ip', 'route', 'add', 'local', '169.254.169.254/32', 'dev', 'lo']);
      expect((await lonely.run([proxyInit])).stdout).not.toContain('route');
      expect((await lonely.run([proxyInit, 'remove'])).exitCode).toBe(0);
      const routes = await lonely.must(['ip', '-4', 'route', 'show', 'table', 'local']);
      expect(routes).toContain('local 169.254.169.254');
    } finally {
      await lonely.remove();
    }
  });

  it('case 13: check does not add a route, and a missing program is named', async () => {
    const lonely = await createNamespace();
    try {
      await lonely.run([proxyInit]);
      await lonely.must(['ip', 'route', 'del', 'local', '169.254.169.254/32', 'dev', 'lo']);
      const checked = await lonely.run([proxyInit, 'check']);
      expect(checked.exitCode).toBe(7);
      expect(checked.stderr).toContain('Run proxy-init with INIT_ROUTE=auto');
      for (const program of ['nft', 'iptables-nft-save', 'iptables-nft-restore']) {
        const path = execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' });
        execFileSync('ln', ['-s', path.trim(), join(directory, program)]);
      }
      const through = ['/usr/bin/env', `PATH=${directory}`];
      const { exitCode, stderr } = await lonely.run([proxyInit], { through });
      expect(exitCode).toBe(7);
      expect(stderr).toContain('proxy-init needs the program ip to add one.');
    } finally {
      await lonely.remove();
    }
  });

  it.each(backendNames)(
    'case 13: the guard lets the proxy answer over a local route, %s',
    async (backend) => {
      const lonely = await createNamespace();
      try {
        const env = { INIT_BACKEND: backend, INIT_GUARD: 'imds+wireserver' };
        const { exitCode, stderr } = await lonely.run([proxyInit], { env });
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
        const agent = await lonely.startAgent();
        await agent.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
        expect(await agent.ask({ host: '169.254.169.254', port: 80, uid: 1000 })).toBe('proxy');
        expect(await agent.ask({ host: '169.254.169.254', port: 81, uid: 1000 })).toBe(
          'ECONNREFUSED',
        );
      } finally {
        await lonely.remove();
      }
    },
  );

  it.each(['blackhole', 'unreachable', 'prohibit'])(
    'case 13: fails for a route of type %s',
    async (type) => {
      await lab.pod.must(['ip', 'route', 'add', type, '169.254.169.254/32']);
      const { exitCode, stderr } = await lab.init();
      expect(exitCode).toBe(7);
      expect(stderr).toContain('No route to 169.254.169.254');
    },
  );

  it('reports that lo is down', async () => {
    await lab.pod.must(['ip', 'link', 'set', 'lo', 'down']);
    const { exitCode, stderr } = await lab.init();
    expect(exitCode).toBe(7);
    expect(stderr).toContain('Redirect did not answer within 1.5 s; is lo up?');
  });

  it.each(['auto', 'iptables', 'nft', 'iptables-legacy'])(
    'case 14: names the missing CAP_NET_ADMIN, %s',
    async (backend) => {
      const options = { through: withCapabilities() };
      const { exitCode, stderr } = await lab.init([], { INIT_BACKEND: backend }, options);
      expect(exitCode).toBe(3);
      expect(stderr).toContain('CAP_NET_ADMIN is missing.');
    },
  );

  it('case 14: reports the same if it cannot check or remove', async () => {
    const options = { through: withCapabilities() };
    expect((await lab.init(['check'], {}, options)).exitCode).toBe(3);
    expect((await lab.init(['remove'], {}, options)).exitCode).toBe(3);
  });

  it.each(['auto', 'iptables', 'nft'])(
    'case 15: needs no more than NET_ADMIN, %s',
    async (backend) => {
      const options = { through: withCapabilities('net_admin') };
      const env = { INIT_BACKEND: backend, INIT_GUARD: 'imds+wireserver' };
      expect((await lab.init([], env, options)).exitCode).toBe(0);
      expect((await lab.init(['check'], env, options)).exitCode).toBe(0);
      expect((await lab.init(['remove'], env, options)).exitCode).toBe(0);
    },
  );

  it('case 16: names the missing CAP_NET_RAW, which only legacy needs', async () => {
    const env = { INIT_BACKEND: 'iptables-legacy' };
    const without = await lab.init([], env, { through: withCapabilities('net_admin') });
    expect(without.exitCode).toBe(3);
    expect(without.stderr).toContain('The legacy backend also needs CAP_NET_RAW.');
    const through = withCapabilities('net_admin', 'net_raw');
    expect((await lab.init([], env, { through })).exitCode).toBe(0);
  });

  it('case 17: finds another place for the lock file of legacy', async () => {
    const env = { INIT_BACKEND: 'iptables-legacy' };
    const noRun = 'mount -t tmpfs -o ro tmpfs /run';
    expect((await lab.init([], env, { through: afterMounts(noRun) })).exitCode).toBe(0);

    const noTemp = { ...env, TMPDIR: '/nonexistent' };
    expect((await lab.init([], noTemp, { through: afterMounts(noRun) })).exitCode).toBe(0);

    const noShm = `${noRun}\nmount -t tmpfs -o ro tmpfs /dev/shm`;
    const nowhere = await lab.init([], noTemp, { through: afterMounts(noShm) });
    expect(nowhere.exitCode).toBe(6);
    expect(nowhere.stderr).toContain(
      'Cannot open an xtables lock file at its usual place, /nonexistent/xtables.lock, /dev/shm/xtables.lock.',
    );
  });

  it('case 18: gives up on the xtables lock after INIT_LOCK_WAIT', async () => {
    const lock = join(directory, 'lock');
    const holder = lab.pod.start(['flock', '-x', lock, 'sh', '-c', 'echo held; sleep 60']);
    await new Promise((resolve) => holder.stdout?.once('data', resolve));
    const { exitCode, stderr } = await lab.init([], {
      INIT_BACKEND: 'iptables-legacy',
      INIT_LOCK_WAIT: '1',
      XTABLES_LOCKFILE: lock,
    });
    expect(exitCode).toBe(6);
    expect(stderr).toContain('xtables lock held by another process for 1 s (INIT_LOCK_WAIT).');
    // Not the holder alone: it has a child that would live on.
    process.kill(-(holder.pid ?? 0), 'SIGKILL');
  });

  it('case 16: reports that it cannot check or remove legacy rules', async () => {
    await lab.init([], { INIT_BACKEND: 'iptables-legacy' });
    const through = withCapabilities('net_admin');
    for (const command of ['check', 'remove']) {
      const { exitCode, stderr } = await lab.init([command], {}, { through });
      expect(exitCode).toBe(3);
      expect(stderr).toContain('The legacy backend also needs CAP_NET_RAW.');
    }
  });

  itUnless(
    hasCompiler ? undefined : 'gcc is not installed',
    'cases 19 and 20: falls back to legacy without nf_tables, and fails without both',
    async () => {
      const preload = join(directory, 'no-netfilter.so');
      const source = join(import.meta.dirname, '../../support/netns-no-netfilter.c');
      execFileSync('gcc', ['-shared', '-fPIC', '-o', preload, source, '-ldl']);
      const env = { LD_PRELOAD: preload };

      const fallback = await lab.init([], env);
      expect(fallback.exitCode).toBe(0);
      expect(fallback.stdout).toContain('backend iptables cannot be used');
      expect(fallback.stdout).toContain('backend nft cannot be used');
      expect(fallback.stdout).toContain('rules in force (backend=iptables-legacy)');

      const noRaw = await lab.init([], env, { through: withCapabilities('net_admin') });
      expect(noRaw.exitCode).toBe(3);
      expect(noRaw.stderr).toContain('This kernel has no nf_tables; the legacy backend also needs');

      const asked = await lab.init([], { ...env, INIT_BACKEND: 'nft' });
      expect(asked.exitCode).toBe(4);
      expect(asked.stderr).toContain('No backend can be used here: nft: ');

      const neither = await lab.init([], { ...env, NO_IP_TABLES: '1' });
      expect(neither.exitCode).toBe(4);
      expect(neither.stderr).toContain('Neither nf_tables nor ip_tables is in this kernel.');
    },
  );

  it('case 21: names the missing programs', async () => {
    const through = ['/usr/bin/env', `PATH=${directory}`];
    const none = await lab.init([], {}, { through });
    expect(none.exitCode).toBe(5);
    expect(none.stderr).toBe('proxy-init: error: nft and iptables are not in this image.\n');
    for (const command of ['check', 'remove']) {
      expect((await lab.init([command], {}, { through })).stderr).toBe(none.stderr);
    }
    const asked = await lab.init([], { INIT_BACKEND: 'nft' }, { through });
    expect(asked.exitCode).toBe(5);
    expect(asked.stderr).toBe('proxy-init: error: nft is not in this image.\n');
  });

  it('case 21: uses nft if it is the only program', async () => {
    const nft = execFileSync('sh', ['-c', 'command -v nft'], { encoding: 'utf8' }).trim();
    execFileSync('ln', ['-s', nft, join(directory, 'nft')]);
    const through = ['/usr/bin/env', `PATH=${directory}`];
    const { exitCode, stdout } = await lab.init([], {}, { through });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('rules in force (backend=nft)');
  });

  it.each(['iptables-nft', 'iptables-legacy'])(
    "case 22: refuses a node's namespace by the kubelet's chain, %s",
    async (iptables) => {
      await lab.pod.must([iptables, '-t', 'mangle', '-N', 'KUBE-KUBELET-CANARY']);
      const before = await dumpRules(lab.pod);
      const refused = await lab.init();
      expect(refused.exitCode).toBe(8);
      expect(refused.stdout).toContain('chain KUBE-KUBELET-CANARY');
      expect(refused.stderr).toContain("This is the node's network namespace");
      expect(await dumpRules(lab.pod)).toBe(before);
      expect((await lab.init([], { INIT_ALLOW_HOST_NETWORK: 'true' })).exitCode).toBe(0);
    },
  );

  it("case 22: refuses a node's namespace by its links", async () => {
    await lab.pod.must(['ip', 'link', 'add', 'docker0', 'type', 'bridge']);
    const refused = await lab.init();
    expect(refused.exitCode).toBe(8);
    expect(refused.stdout).toContain('link docker0');
    expect(await dumpRules(lab.pod)).toBe('');
    expect((await lab.init(['--allow-host-network'])).exitCode).toBe(0);
  });

  it.each(['link', 'chain'])(
    'case 22: runs again where its own rules are in force, whatever runs in the pod by now, %s',
    async (trait) => {
      for (const backend of backendNames) {
        const env = { INIT_BACKEND: backend, INIT_GUARD: 'imds' };
        expect((await lab.init([], env)).exitCode).toBe(0);
        const command =
          trait === 'link'
            ? 'ip link add docker0 type bridge'
            : 'iptables-nft -t mangle -N KUBE-KUBELET-CANARY';
        await lab.pod.must(command.split(' '));
        const again = await lab.init([], env);
        expect({ exitCode: again.exitCode, stderr: again.stderr }).toEqual({
          exitCode: 0,
          stderr: '',
        });
        expect(again.stdout).toContain(
          `the redirect is already in force here, so this is a pod (seen=${trait} ${trait === 'link' ? 'docker0' : 'KUBE-KUBELET-CANARY'})`,
        );
        // Upstream's rules, or ours with other settings, prove nothing: hostNetwork pods leave them on nodes.
        expect((await lab.init([], { ...env, PROXY_PORT: '9000' })).exitCode).toBe(8);
        await lab.init(['remove']);
        expect((await lab.init([], env)).exitCode).toBe(8);
        await lab.pod.must(
          command.replace('add docker0 type bridge', 'del docker0').replace('-N', '-X').split(' '),
        );
      }
    },
  );

  it('case 22: removes rules even there, where upstream may have left them', async () => {
    await lab.init();
    await lab.pod.must(['iptables', '-t', 'nat', '-N', 'KUBE-KUBELET-CANARY']);
    expect((await lab.init(['remove'])).exitCode).toBe(0);
    expect(await dumpRules(lab.pod)).not.toContain('AZWI');
  });

  it('case 31: prints rules without any permission, and the kernel accepts them', async () => {
    const through = [
      'setpriv',
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      '--no-new-privs',
    ];
    const print = async (backend: string): Promise<string> => {
      const env = { INIT_BACKEND: backend, INIT_GUARD: 'imds+wireserver' };
      const { exitCode, stdout, stderr } = await lab.init(['print'], env, { through });
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      return stdout;
    };
    await lab.pod.must(['nft', '-c', '-f', '-'], { input: await print('nft') });
    for (const [backend, program] of [
      ['auto', 'iptables-nft-restore'],
      ['iptables', 'iptables-nft-restore'],
      ['iptables-legacy', 'iptables-legacy-restore'],
    ] as const) {
      const input = await print(backend);
      await lab.pod.must([program, '--noflush', '--test', '--wait=5'], { input });
    }
  });

  it('case 38: writes the message for the kubelet to the termination log', async () => {
    const file = join(directory, 'termination-log');
    const env = { PROXY_PORT: 'abc', INIT_TERMINATION_LOG: file };
    await lab.init([], env);
    await expect(readFile(file)).rejects.toThrow('ENOENT');
    await writeFile(file, '');
    const { stderr } = await lab.init([], env);
    expect(`proxy-init: error: ${await readFile(file, 'utf8')}`).toBe(stderr);
  });

  it('case 38: writes the result there when it succeeds', async () => {
    const file = join(directory, 'termination-log');
    await writeFile(file, 'the failure of the attempt before');
    const env = { INIT_TERMINATION_LOG: file };
    expect((await lab.init([], env)).exitCode).toBe(0);
    expect(await readFile(file, 'utf8')).toBe(
      'The redirect of 169.254.169.254:80 to 127.0.0.1:8000 is in force (iptables, verified by a connection).\n',
    );
    await lab.init(['print'], env);
    expect(await readFile(file, 'utf8')).toMatch(/ is in force /);
    await lab.init(['remove'], env);
    expect(await readFile(file, 'utf8')).toBe('There is no redirect any more.\n');
  });

  it.each([
    ['a link to a file of others', 'ln -s other termination-log'],
    ['a pipe that nobody reads', 'mkfifo termination-log'],
    ['a directory', 'mkdir termination-log'],
  ])('case 38: leaves %s alone, and still names the fault', async (_, make) => {
    await writeFile(join(directory, 'other'), 'theirs');
    execFileSync('sh', ['-c', make], { cwd: directory });
    const { exitCode, stderr } = await lab.init([], {
      PROXY_PORT: 'abc',
      INIT_TERMINATION_LOG: join(directory, 'termination-log'),
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('PROXY_PORT: "abc" is not a valid port');
    expect(stderr).toContain('warning: cannot write ');
    expect(await readFile(join(directory, 'other'), 'utf8')).toBe('theirs');
  });

  it('case 38: finds the file at its usual place', async () => {
    const devices = `mkdir ${directory}/dev
mount --rbind /dev ${directory}/dev
mount -t tmpfs tmpfs /dev
touch /dev/null /dev/termination-log
mount --bind ${directory}/dev/null /dev/null`;
    const through = [...afterMounts(devices), 'sh', '-c', '"$@"; cat /dev/termination-log', 'sh'];
    const { stdout } = await lab.init([], { PROXY_PORT: 'abc' }, { through });
    expect(stdout).toBe(
      'PROXY_PORT: "abc" is not a valid port; set a port number from 1 to 65535. Nothing was changed.\n',
    );
  });

  it('reports in JSON when asked, failures included', async () => {
    const good = await lab.init(['--log-format=json']);
    const lines = good.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toMatchObject([
      { level: 'info', logger: 'proxy-init', message: 'settings are valid', exempt: 'uid' },
      { level: 'info', message: "this is not a node's network namespace" },
      { level: 'info', message: 'rules in force', backend: 'iptables' },
      { level: 'info', message: 'redirect verified', method: 'nonce' },
    ]);
    const bad = await lab.init(['--log-format=json'], { PROXY_PORT: 'abc' });
    expect(JSON.parse(bad.stderr)).toMatchObject({
      level: 'error',
      logger: 'proxy-init',
      error_code: 'bad-value',
      exit_code: 2,
    });
  });
});
