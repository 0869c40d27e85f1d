import { InitFailure } from '../failures.ts';
import { type NftRuleset, parseNftRuleset } from '../rules/foreign-nft.ts';
import { noLeftovers } from '../rules/iptables.ts';
import { nftTable, parseNftTable, toNftListing, toNftText } from '../rules/nft.ts';
import type { Backend } from './backend.ts';
import { programDeadlineMs, type RunProgram, toProgramFailure, toSpawnFailure } from './program.ts';

/** Runs nft. @throws InitFailure if it fails @returns standard output */
export type Nft = (args: readonly string[], input?: string) => Promise<string>;

export function createNft(run: RunProgram): Nft {
  return async (args, input = '') => {
    const result = await run('nft', args, { input, deadlineMs: programDeadlineMs }).catch(
      (error: unknown) => {
        throw toSpawnFailure('nft', error);
      },
    );
    if (result.exitCode !== 0) throw toProgramFailure('nft', result);
    return result.stdout;
  };
}

/** Native nf_tables: one table, replaced in one transaction, no module but nf_tables' own. */
export function createNftBackend(nft: Nft): Backend {
  return {
    name: 'nft',
    priority: -101,
    toListing: toNftListing,
    async read() {
      const texts = await Promise.all(
        ['ip', 'inet'].map((family) => nft(['-j', 'list', 'ruleset', family])),
      );
      const { chains, tables, hooked } = readRuleset(texts);
      const isPresent = tables.includes(`ip ${nftTable}`);
      const text = isPresent ? await nft(['-y', 'list', 'table', 'ip', nftTable]) : '';
      const { listing, redirectedPackets, lines } = parseNftTable(text);
      return {
        isPresent,
        listing,
        redirectedPackets,
        lines,
        outputLines: listing.get('nat OUTPUT')?.slice(1) ?? [],
        chainNames: chains,
        hooked,
        leftovers: noLeftovers,
      };
    },
    async dryRun(ruleset) {
      await nft(['-c', '-f', '-'], toNftText(ruleset));
    },
    async replace(ruleset) {
      await nft(['-f', '-'], toNftText(ruleset));
    },
  };
}

function readRuleset(texts: readonly string[]): NftRuleset {
  try {
    return parseNftRuleset(texts);
  } catch (cause) {
    throw new InitFailure('rejected', { stderr: 'nft printed no valid JSON' }, { cause });
  }
}
