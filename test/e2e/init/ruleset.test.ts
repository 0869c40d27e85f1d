import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyRuleset } from '../../../src/init/apply.ts';
import { backendNames } from '../../../src/init/backend.ts';
import { toInitConfig } from '../../../src/init/config.ts';
import { findDifference } from '../../../src/init/difference.ts';
import { toRuleset } from '../../../src/init/redirect-rules.ts';
import { type ChainName, chainNames, type Rule, type Ruleset } from '../../../src/init/ruleset.ts';
import { surveyBackends, toSnapshots } from '../../../src/init/survey.ts';
import type { Logger } from '../../../src/shared/logger.ts';
import { createNamespace, describeInNamespaces } from '../../support/netns.ts';
import { guardedBehaviour, observe } from '../../support/netns-behaviour.ts';
import { initEnvironment } from '../../support/netns-environment.ts';
import { createBackends, dumpRules } from '../../support/netns-init.ts';
import { createLab, type Lab } from '../../support/netns-lab.ts';

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
          expect(first.ruleset).toStrictEqual(ruleset);
          expect(first.unknown).toEqual([]);
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
            for (const { snapshot } of holders) {
              expect(findDifference(ruleset, snapshot)).toBeUndefined();
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
    const faultless = toRules({ INIT_GUARD: 'imds+wireserver' });

    it('behaves as it should without one', async () => {
      await load(faultless);
      expect(await observe(lab)).toEqual(guardedBehaviour);
    });

    it.each(mutate(faultless))(
      'behaves otherwise: $chain $fault',
      async ({ mutant, chain, fault }) => {
        await load(mutant);
        const seen = await observe(lab);
        if (harmless.includes(`${chain} ${fault}`)) expect(seen).toEqual(guardedBehaviour);
        else expect(seen).not.toEqual(guardedBehaviour);
      },
    );
  });
});

const silentLog: Logger = { isEnabled: () => false, log: () => {} };

/** Faults that are none: neighbours with the same verdict, or for different destinations. */
const harmless: readonly string[] = [
  'filter OUTPUT with rules 1 and 2 swapped',
  'filter OUTPUT with rules 2 and 3 swapped',
  'AZWI_PROXY_GUARD with rules 1 and 2 swapped',
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
