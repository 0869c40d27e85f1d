import { type Backend, noLeftovers, type Snapshot } from './backend.ts';
import type { RunCommand } from './command.ts';
import { toCommandFailure, toSpawnFailure } from './diagnosis.ts';
import { nftTable, parseNftChains, parseNftTable, toNftText } from './nft-text.ts';
import { emptyRuleset } from './ruleset.ts';

const deadlineMs = 10_000;

const absent: Omit<Snapshot, 'chainNames'> = {
  isPresent: false,
  ruleset: emptyRuleset,
  unknown: [],
  redirectedPackets: 0,
  lines: [],
  outputLines: [],
  leftovers: noLeftovers,
};

/** Native nf_tables: one table, replaced in one transaction, no module but nf_tables' own. */
export function createNftBackend(run: RunCommand): Backend {
  const nft = async (args: readonly string[], input = ''): Promise<string> => {
    const result = await run('nft', args, { input, deadlineMs }).catch((error: unknown) => {
      throw toSpawnFailure('nft', error);
    });
    if (result.exitCode !== 0) throw toCommandFailure('nft', result);
    return result.stdout;
  };

  return {
    name: 'nft',
    async read() {
      const { chainNames, hasTable } = parseNftChains(await nft(['list', 'chains', 'ip']));
      if (!hasTable) return { ...absent, chainNames };
      return { ...parseNftTable(await nft(['-y', 'list', 'table', 'ip', nftTable])), chainNames };
    },
    async dryRun(ruleset) {
      await nft(['-c', '-f', '-'], toNftText(ruleset));
    },
    async replace(ruleset) {
      await nft(['-f', '-'], toNftText(ruleset));
    },
  };
}
