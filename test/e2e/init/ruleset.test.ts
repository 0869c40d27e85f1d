import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backendNames } from '../../../src/init/backends/backend.ts';
import { toInitConfig } from '../../../src/init/config.ts';
import { findDifference } from '../../../src/init/rules/difference.ts';
import {
  type ChainName,
  chainNames,
  type Rule,
  type Ruleset,
  toRuleset,
} from '../../../src/init/rules/ruleset.ts';
import { applyRuleset } from '../../../src/init/steps/apply.ts';
import { surveyBackends, toSnapshots } from '../../../src/init/steps/survey.ts';
import type { Logger } from '../../../src/shared/logger.ts';
import { createNamespace, describeInNamespaces } from '../../support/netns.ts';
import { guardedBehaviour, observe } from '../../support/netns-behaviour.ts';
import { initEnvironment } from '../../support/netns-environment.ts';
import { createBackends, dumpRules } from '../../support/netns-init.ts';
import { createLab, imds, type Lab } from '../../support/netns-lab.ts';
import { createNested, type Nested } from '../../support/netns-nested.ts';

const toRules = (env: Readonly<Record<string, string>>): Ruleset =>
  toRuleset(toInitConfig(new Map(), env).redirect);

describeInNamespaces('a ruleset in the kernel', () => {
  it.each(backendNames)('reads back as it was written, %s', async (name) => {
    await fc.assert(
      fc.asyncProperty(initEnvironment, async (env) => {
        const ruleset = toRules(env);
        const namespace = await createNamespace();
        try {
          const backend = createBackends(namespace)[name];
          await backend.dryRun(ruleset);
          await backend.replace(ruleset, await backend.read());
          const first = await backend.read();
          expect(first.listing).toEqual(backend.toListing(ruleset));
          const dump = await dumpRules(namespace);
          await backend.replace(ruleset, first);
          expect(await dumpRules(namespace)).toBe(dump);
        } finally {
          await namespace.remove();
        }
      }),
      { numRuns: 12 },
    );
  });

  it('is the only one, whatever was there before and whatever wrote it', async () => {
    const step = fc.record({
      env: initEnvironment,
      choice: fc.constantFrom('auto' as const, ...backendNames),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 4 }), async (steps) => {
        const namespace = await createNamespace();
        try {
          const backends = Object.values(createBackends(namespace));
          for (const { env, choice } of steps) {
            const ruleset = toRules(env);
            await applyRuleset(ruleset, choice, await surveyBackends(backends), silentLog);
            const snapshots = toSnapshots(await surveyBackends(backends));
            const holders = snapshots.filter(({ snapshot }) => snapshot.isPresent);
            expect(holders.map(({ backend }) => backend.name)).toEqual([
              choice === 'auto' ? 'iptables' : choice,
            ]);
            for (const { backend, snapshot } of holders) {
              const wanted = backend.toListing(ruleset);
              expect(findDifference(wanted, snapshot.listing)).toBeUndefined();
            }
          }
        } finally {
          await namespace.remove();
        }
      }),
      { numRuns: 6 },
    );
  });

  describe.each(['iptables', 'nft'] as const)('written by %s, with a fault', (name) => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await createLab();
      await lab.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
    });
    afterAll(() => lab.remove());

    const load = async (ruleset: Ruleset): Promise<void> => {
      const backend = createBackends(lab.pod)[name];
      await backend.replace(ruleset, await backend.read());
    };

    it('behaves as it should without one', async () => {
      await load(faultless);
      expect(await observe(lab)).toEqual(guardedBehaviour);
    });

    const mutants = mutate(faultless).filter(({ chain }) => !forwardedChains.includes(chain));
    const isHarmless = ({ chain, fault }: Mutation) => harmless.includes(`${chain} ${fault}`);

    it.each(mutants.filter((each) => !isHarmless(each)))(
      'behaves otherwise: $chain $fault',
      async ({ mutant }) => {
        await load(mutant);
        expect(await observe(lab)).not.toEqual(guardedBehaviour);
      },
    );

    it.each(mutants.filter(isHarmless))('behaves the same: $chain $fault', async ({ mutant }) => {
      // Packets of connections that an earlier ruleset cut would still be counted as refused.
      const fresh = await createLab();
      try {
        await fresh.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
        const backend = createBackends(fresh.pod)[name];
        await backend.replace(mutant, await backend.read());
        expect(await observe(fresh)).toEqual(guardedBehaviour);
      } finally {
        await fresh.remove();
      }
    });
  });

  describe.each(['iptables', 'nft'] as const)(
    'for forwarded traffic by %s, with a fault',
    (name) => {
      let lab: Lab;
      let nested: Nested;
      beforeAll(async () => {
        lab = await createLab();
        nested = await createNested(lab.pod, 'k6t-eth0');
      });
      afterAll(async () => {
        await nested.machine.remove();
        await lab.remove();
      });

      const observeNested = async (ruleset: Ruleset): Promise<Readonly<Record<string, string>>> => {
        const backend = createBackends(lab.pod)[name];
        await backend.replace(ruleset, await backend.read());
        const wire = { host: '168.63.129.16' };
        const { inMachine } = nested;
        return {
          token: await inMachine.ask(imds),
          'port 81': await inMachine.ask({ ...imds, port: 81 }),
          UDP: await inMachine.ask({ ...imds, port: 8080, udp: true }),
          'wire server': await inMachine.ask({ ...wire, port: 80 }),
          'its port 32526': await inMachine.ask({ ...wire, port: 32_526 }),
          DNS: await inMachine.ask({ ...wire, port: 53, udp: true }),
          elsewhere: await inMachine.ask({ host: '10.77.0.1', port: 80 }),
        };
      };
      const refused = {
        token: 'ECONNREFUSED',
        'port 81': 'ECONNREFUSED',
        UDP: 'EHOSTUNREACH',
        'wire server': 'ECONNREFUSED',
        'its port 32526': 'ECONNREFUSED',
        DNS: 'dns',
        elsewhere: 'other',
      };

      it('behaves as it should without one', async () => {
        expect(await observeNested(faultless)).toEqual(refused);
      });

      it.each(mutate(faultless).filter(({ chain }) => /FORWARD/.test(chain)))(
        'behaves otherwise unless only the order of addresses changed: $chain $fault',
        async ({ chain, fault, mutant }) => {
          const seen = await observeNested(mutant);
          if (chain === 'filter FORWARD' && fault.includes('swapped'))
            expect(seen).toEqual(refused);
          else expect(seen).not.toEqual(refused);
        },
      );

      if (name === 'iptables') {
        it('behaves otherwise without its second line of defence', async () => {
          const accept = ['iptables-nft', '-I', 'FORWARD', '-j', 'ACCEPT'];
          const behindAccept = async (ruleset: Ruleset) => {
            await observeNested(ruleset);
            await lab.pod.must(accept);
            const backend = createBackends(lab.pod)[name];
            expect((await backend.read()).listing).toEqual(backend.toListing(ruleset));
            const { inMachine } = nested;
            const seen = [
              await inMachine.ask(imds),
              await inMachine.ask({ host: '168.63.129.16', port: 80 }),
              await inMachine.ask({ host: '168.63.129.16', port: 32_526 }),
            ];
            await lab.pod.must(accept.map((word) => (word === '-I' ? '-D' : word)));
            return seen;
          };
          expect(await behindAccept(faultless)).toEqual(['timeout', 'timeout', 'timeout']);
          for (const { mutant, fault } of mutate(faultless).filter(
            (each) => /POSTROUTING|ROUTED/.test(each.chain) && each.fault.includes('without'),
          )) {
            expect({ fault, seen: await behindAccept(mutant) }).not.toEqual({
              fault,
              seen: ['timeout', 'timeout', 'timeout'],
            });
          }
        });
      }
    },
  );
});

const faultless = toRules({ INIT_GUARD: 'imds+wireserver' });

const forwardedChains: readonly ChainName[] = [
  'filter FORWARD',
  'AZWI_PROXY_FORWARD',
  'mangle POSTROUTING',
  'AZWI_PROXY_ROUTED',
];

const silentLog: Logger = { isEnabled: () => false, log: () => {} };

/** Faults that change nothing here. The guard's first rule is for local routes, others for open UDP sockets. */
const harmless: readonly string[] = [
  'filter OUTPUT with rules 1 and 2 swapped',
  'filter OUTPUT with rules 2 and 3 swapped',
  'AZWI_PROXY_GUARD with rules 1 and 2 swapped',
  'AZWI_PROXY_GUARD with rules 4 and 5 swapped',
  'AZWI_PROXY_GUARD with rules 6 and 7 swapped',
  'AZWI_PROXY_GUARD without rule 1',
  'AZWI_PROXY_GUARD without rule 4',
  'AZWI_PROXY_GUARD without rule 6',
  'AZWI_PROXY_GUARD without rule 7',
];

interface Mutation {
  readonly chain: ChainName;
  readonly fault: string;
  readonly mutant: Ruleset;
}

/** Every ruleset that lacks one rule, or has two neighbours the other way round. */
function mutate(ruleset: Ruleset): readonly Mutation[] {
  return chainNames.flatMap((chain) => {
    const rules = ruleset[chain];
    const toMutation = (fault: string, changed: readonly Rule[]): Mutation => ({
      chain,
      fault,
      mutant: { ...ruleset, [chain]: changed },
    });
    return [
      ...rules.map((_, index) =>
        toMutation(`without rule ${index + 1}`, rules.toSpliced(index, 1)),
      ),
      ...rules.slice(1).map((rule, index) => {
        const swapped = rules.toSpliced(index, 2, rule, ...rules.slice(index, index + 1));
        return toMutation(`with rules ${index + 1} and ${index + 2} swapped`, swapped);
      }),
    ];
  });
}
