import { afterEach, beforeEach, expect, it } from 'vitest';
import { type BackendName, backendNames } from '../../../src/init/backends/backend.ts';
import { toInitConfig } from '../../../src/init/config.ts';
import { findDifference } from '../../../src/init/rules/difference.ts';
import { toRuleset } from '../../../src/init/rules/ruleset.ts';
import { describeInNamespaces } from '../../support/netns.ts';
import { createBackends, dumpRules, upstreamCalls } from '../../support/netns-init.ts';
import { createLab, type Lab, proxyInit } from '../../support/netns-lab.ts';

/** Whose rules are there first, and what then writes ours: once each on the same and on other ground. */
const pairs = [
  { variant: 'nft', backend: 'iptables' },
  { variant: 'legacy', backend: 'iptables' },
  { variant: 'legacy', backend: 'nft' },
  { variant: 'nft', backend: 'iptables-legacy' },
] as const;

/** A foreign rule set such as Docker's DNS leaves in a container. */
const foreignRules = `*nat
:DOCKER_OUTPUT - [0:0]
-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
-A OUTPUT -d 9.9.9.9/32 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 9999
-A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:40053
COMMIT
`;

describeInNamespaces('any number of runs', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await createLab();
    await lab.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
    await lab.inPod.listen({ host: '127.0.0.1', port: 9000, name: 'proxy on 9000' });
  });
  afterEach(() => lab.remove());

  const run = async (env: Readonly<Record<string, string>>, ...args: string[]): Promise<void> => {
    const { exitCode, stderr } = await lab.init(args, env);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  };

  /** The backends that hold anything of ours. */
  const holders = async (): Promise<readonly BackendName[]> => {
    const found = await Promise.all(
      Object.values(createBackends(lab.pod)).map(async (backend) =>
        (await backend.read()).isPresent ? [backend.name] : [],
      ),
    );
    return found.flat();
  };

  it.each(backendNames)('case 4: end in the same rules, %s', async (backend) => {
    const env = { INIT_BACKEND: backend, INIT_GUARD: 'imds' };
    await run(env);
    const once = await dumpRules(lab.pod);
    await run(env);
    expect(await dumpRules(lab.pod)).toBe(once);
    for (let time = 3; time <= 5; time += 1) await run(env);
    expect(await dumpRules(lab.pod)).toBe(once);
    expect(once.match(/jump AZWI_PROXY_OUTPUT|-A OUTPUT .*-j AZWI_PROXY_OUTPUT/g)).toHaveLength(1);
  });

  it.each(backendNames)('case 5: follow a changed port, %s', async (backend) => {
    await run({ INIT_BACKEND: backend, PROXY_PORT: '8000' });
    await run({ INIT_BACKEND: backend, PROXY_PORT: '9000' });
    expect(await lab.ask()).toBe('proxy on 9000');
    expect(await dumpRules(lab.pod)).not.toContain('8000');
  });

  it.each(backendNames)('case 6: end in one redirect when 20 run at once, %s', async (backend) => {
    const runs = await Promise.all(
      Array.from({ length: 20 }, () => lab.init([], { INIT_BACKEND: backend })),
    );
    expect(runs.map(({ exitCode }) => exitCode)).toEqual(Array(20).fill(0));
    const reader = createBackends(lab.pod)[backend];
    const wanted = reader.toListing(toRuleset(toInitConfig(new Map(), {}).redirect));
    expect(findDifference(wanted, (await reader.read()).listing)).toBeUndefined();
    expect(await holders()).toEqual([backend]);
  });

  it.each(pairs)(
    "case 7: replace three runs of upstream's script, $variant, by $backend",
    async (each) => {
      for (const port of ['7001', '7002', '7003']) {
        await lab.pod.must(['sh', '-c', upstreamCalls], {
          env: { IPTABLES: `iptables-${each.variant}`, PROXY_PORT: port },
        });
      }
      await run({ INIT_BACKEND: each.backend });
      expect(await lab.ask()).toBe('proxy');
      expect(await lab.ask({ uid: 1501, gid: 1501 })).toBe('imds');
      expect(await dumpRules(lab.pod)).not.toContain('700');
      expect(await holders()).toEqual([each.backend]);
      await run({ INIT_BACKEND: each.backend }, 'check');
    },
  );

  it.each(backendNames)('replace the rules of every other backend, %s', async (backend) => {
    for (const other of backendNames) await run({ INIT_BACKEND: other, INIT_GUARD: 'imds' });
    await run({ INIT_BACKEND: backend, PROXY_PORT: '9000' });
    expect(await holders()).toEqual([backend]);
    expect(await lab.ask()).toBe('proxy on 9000');
  });

  it('complete what an interrupted run of upstream left behind', async () => {
    await lab.pod.must(['iptables', '-t', 'nat', '-N', 'AZWI_PROXY_OUTPUT']);
    await run({});
    expect(await lab.ask()).toBe('proxy');
    expect(await lab.ask({ uid: 1501 })).toBe('imds');
  });

  it.each(pairs)(
    'case 8: leave foreign rules alone, $variant, by $backend',
    async ({ variant, backend }) => {
      await lab.pod.must([`iptables-${variant}-restore`, '--noflush'], { input: foreignRules });
      const save = async (): Promise<string> =>
        (await lab.pod.must([`iptables-${variant}-save`, '-t', 'nat'])).replaceAll(/^#.*$/gm, '');
      const before = await save();
      await run({ INIT_BACKEND: backend });
      await run({ INIT_BACKEND: backend, INIT_GUARD: 'imds+wireserver' });
      expect(await lab.ask()).toBe('proxy');
      await run({}, 'remove');
      expect((await save()).replaceAll(/\[\d+:\d+\]/g, '')).toBe(
        before.replaceAll(/\[\d+:\d+\]/g, ''),
      );
    },
  );

  it('case 9: remove succeeds if there is nothing, and twice', async () => {
    await run({}, 'remove');
    expect(await dumpRules(lab.pod)).toBe('');
    for (const backend of backendNames) {
      await run({ INIT_BACKEND: backend, INIT_GUARD: 'imds+wireserver' });
      await run({}, 'remove');
      await run({}, 'remove');
      expect(await dumpRules(lab.pod)).not.toContain('AZWI');
      expect(await holders()).toEqual([]);
      expect(await lab.ask()).toBe('imds');
    }
  });

  it.each(backendNames)('case 28: remove the guard when it is off again, %s', async (backend) => {
    await run({ INIT_BACKEND: backend, INIT_GUARD: 'imds+wireserver' });
    expect(await dumpRules(lab.pod)).toContain('AZWI_PROXY_GUARD');
    await run({ INIT_BACKEND: backend });
    expect(await dumpRules(lab.pod)).not.toContain('AZWI_PROXY_GUARD');
    expect(await lab.ask({ port: 81 })).toBe('imds:81');
  });

  it.each(backendNames)('case 29: keep a redirected connection alive, %s', async (backend) => {
    await run({ INIT_BACKEND: backend, INIT_GUARD: 'imds' });
    expect(await lab.inPod.open({ host: '169.254.169.254', port: 80 })).toBe('proxy');
    await run({ INIT_BACKEND: backend, INIT_GUARD: 'imds' });
    expect(await lab.inPod.say('are you there?')).toBe('proxy are you there?');
    await run({ INIT_BACKEND: backend, PROXY_PORT: '9000' });
    expect(await lab.inPod.say('and now?')).toBe('proxy and now?');
  });

  it.each(backendNames)(
    'case 32: a kill at any moment leaves no redirect or a whole one, %s',
    async (backend) => {
      const reader = createBackends(lab.pod)[backend];
      const { redirect } = toInitConfig(new Map(), { INIT_GUARD: 'imds' });
      const wanted = reader.toListing(toRuleset(redirect));
      const seen = { none: 0, whole: 0 };
      const kills = backend === 'nft' ? 50 : 15;
      for (let kill = 0; kill < kills; kill += 1) {
        const child = lab.pod.start([proxyInit], {
          env: { INIT_BACKEND: backend, INIT_GUARD: 'imds' },
        });
        const ended = new Promise((resolve) => child.once('close', resolve));
        await new Promise((resolve) => setTimeout(resolve, 40 + (kill * 160) / kills));
        try {
          // The whole group: a backend's program that was started would otherwise finish its work.
          process.kill(-(child.pid ?? 0), 'SIGKILL');
        } catch {
          // It was done already.
        }
        await ended;
        const snapshot = await reader.read();
        if (snapshot.listing.has('nat OUTPUT')) {
          expect(findDifference(wanted, snapshot.listing)).toBeUndefined();
          seen.whole += 1;
        } else {
          expect(snapshot.listing.get('AZWI_PROXY_REDIRECT')).toBeUndefined();
          seen.none += 1;
        }
        if (kill % 3 === 2) await reader.replace(undefined, snapshot);
      }
      expect(seen.none + seen.whole).toBe(kills);
      await run({ INIT_BACKEND: backend });
    },
  );

  it('continue when another run in the same namespace is killed', async () => {
    // Stands in for a run that hangs: it holds the same table.
    const holder = lab.pod.start(['nft', '-i'], { env: { HOME: '/dev/null' } });
    const held = new Promise((resolve) => holder.stdout?.once('data', resolve));
    holder.stdin?.write(
      'create table ip6 azwi_proxy_lock { flags owner; }\nlist table ip6 azwi_proxy_lock\n',
    );
    await held;
    const waiting = lab.init();
    const pause = new Promise((resolve) => setTimeout(resolve, 500));
    // It cannot be done before the holder is, however slow the machine.
    expect(await Promise.race([waiting, pause])).toBeUndefined();
    holder.kill('SIGKILL');
    expect((await waiting).exitCode).toBe(0);
  });
});
