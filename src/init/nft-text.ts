import { noLeftovers, type Snapshot } from './backend.ts';
import { formatNftRule, parseNftRule } from './nft-rule.ts';
import {
  type ChainName,
  chainNames,
  mapChains,
  ownChains,
  type Rule,
  type Ruleset,
} from './ruleset.ts';

/** The table is ours alone, so that replacing it touches nobody else's rules. */
export const nftTable = 'azwi_proxy';

/**
 * nft's chains have no built-in ones to stand in, so ours hook in themselves. Priority -101 runs before
 * both variants of iptables, which share -100 and there run in the order in which they were first used.
 */
const hooks: Readonly<
  Partial<Record<ChainName, { readonly name: string; readonly spec: string }>>
> = {
  'nat OUTPUT': {
    name: 'nat_output',
    spec: 'type nat hook output priority -101; policy accept;',
  },
  'filter OUTPUT': {
    name: 'filter_output',
    spec: 'type filter hook output priority 0; policy accept;',
  },
};

/**
 * The input of `nft -f` that replaces the table by `ruleset`, or by nothing, in one transaction. Declaring
 * the table before deleting it makes the deletion succeed on a first run; `destroy` is not in every nft.
 */
export function toNftText(ruleset: Ruleset | undefined): string {
  const lines = [`table ip ${nftTable}`, `delete table ip ${nftTable}`];
  if (ruleset !== undefined) {
    const tables = (['nat', 'filter'] as const).filter(
      (table) => ruleset[`${table} OUTPUT`].length > 0,
    );
    const chains = tables.flatMap((table) => [`${table} OUTPUT` as const, ...ownChains[table]]);
    lines.push(`table ip ${nftTable} {`, ...chains.flatMap(toChainLines(ruleset)), '}');
  }
  return `${lines.join('\n')}\n`;
}

function toChainLines(ruleset: Ruleset): (name: ChainName) => readonly string[] {
  return (name) => {
    const hook = hooks[name];
    const body = [...(hook ? [hook.spec] : []), ...ruleset[name].map(formatNftRule)];
    return [`\tchain ${hook?.name ?? name} {`, ...body.map((line) => `\t\t${line}`), '\t}'];
  };
}

/** The names of all chains in the output of `nft list chains`, and whether our table is among them. */
export function parseNftChains(text: string): { chainNames: readonly string[]; hasTable: boolean } {
  return {
    chainNames: [...text.matchAll(/^\tchain (\S+) \{/gm)].map(([, name = '']) => name),
    hasTable: new RegExp(`^table ip ${nftTable} \\{`, 'm').test(text),
  };
}

/** What the output of `nft -y list table` says of our rules. */
export function parseNftTable(text: string): Omit<Snapshot, 'chainNames'> {
  const rules: Record<ChainName, Rule[]> = mapChains(() => []);
  const unknown: string[] = [];
  let redirectedPackets = 0;
  let place: ChainName | undefined;
  const lines = text.split('\n').slice(1, -2);
  for (const line of lines.map((indented) => indented.trim()).filter((trimmed) => trimmed !== '')) {
    const chain = /^chain (\S+) \{$/.exec(line)?.[1];
    if (chain !== undefined) {
      place = chainNames.find((name) => chain === (hooks[name]?.name ?? name));
      if (place === undefined) unknown.push(line);
      continue;
    }
    if (line === '}' || (place !== undefined && line === hooks[place]?.spec)) continue;
    const parsed = parseNftRule(line);
    if (place === undefined || parsed === undefined) {
      unknown.push(line);
      continue;
    }
    rules[place].push(parsed.rule);
    if (place === 'AZWI_PROXY_REDIRECT') redirectedPackets += parsed.packets;
  }
  return {
    isPresent: true,
    ruleset: rules,
    unknown,
    redirectedPackets,
    lines: withoutCounters(text),
    outputLines: rules['nat OUTPUT'].map(formatNftRule),
    leftovers: noLeftovers,
  };
}

function withoutCounters(text: string): readonly string[] {
  return text
    .replaceAll(/ packets \d+ bytes \d+/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
}
