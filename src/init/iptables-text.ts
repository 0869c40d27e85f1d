import type { Leftovers, Snapshot } from './backend.ts';
import { formatIptablesRule, parseIptablesRule } from './iptables-rule.ts';
import {
  type ChainName,
  chainNames,
  emptyRuleset,
  mapChains,
  type OwnChain,
  ownChains,
  type Rule,
  type Ruleset,
  type Table,
} from './ruleset.ts';

/** In the order in which they are written: a redirect is never there without its guard. */
const tables: readonly Table[] = ['filter', 'nat'];

/**
 * The input of `iptables-restore --noflush` that replaces what is left over by `ruleset`, or by nothing.
 * There is no fixed text that does: deleting a rule that is not there fails the whole of it.
 */
export function toRestoreText(ruleset: Ruleset | undefined, leftovers: Leftovers): string {
  return tables.map((table) => toTableText(table, ruleset, leftovers[table])).join('');
}

function toTableText(
  table: Table,
  ruleset: Ruleset = emptyRuleset,
  { chains, jumps }: Leftovers[Table],
): string {
  const hook: ChainName = `${table} OUTPUT`;
  const wanted = ruleset[hook].length > 0 ? ownChains[table] : [];
  // Naming a chain makes it, or empties it if it is there.
  const named = [...new Set([...wanted, ...chains])];
  if (named.length === 0 && jumps.length === 0) return '';
  const lines = [
    `*${table}`,
    ...named.map((chain) => `:${chain} - [0:0]`),
    ...jumps.map((jump) => jump.replace('-A', '-D')),
    ...ruleset[hook].map((rule, index) => `-I OUTPUT ${index + 1} ${formatIptablesRule(rule)}`),
    ...wanted.flatMap((chain) => ruleset[chain].map((rule) => toAppendLine(chain, rule))),
    ...named
      .filter((chain) => !wanted.some((other) => other === chain))
      .map((chain) => `-X ${chain}`),
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}

function toAppendLine(chain: OwnChain, rule: Rule): string {
  return `-A ${chain} ${formatIptablesRule(rule)}`;
}

/** What the output of `iptables-save -c` says of our rules, and of those around them. */
export function parseSave(text: string): Snapshot {
  const { chains, rules } = splitSave(text);
  const ours = rules.filter(isOurs).map((rule) => ({
    ...rule,
    place: toPlace(rule),
    parsed: parseIptablesRule(rule.text),
  }));
  const known = ours.filter(({ place, parsed }) => place !== undefined && parsed !== undefined);
  const toLeftovers = (table: Table): Leftovers[Table] => ({
    chains: chains.filter((chain) => isOwnChain(table, chain)).map(({ chain }) => chain),
    jumps: ours.filter((rule) => rule.table === table && !isOwnChain(table, rule)).map(toLine),
  });
  const leftovers = { nat: toLeftovers('nat'), filter: toLeftovers('filter') };
  return {
    isPresent: ours.length + leftovers.nat.chains.length + leftovers.filter.chains.length > 0,
    ruleset: mapChains((name) =>
      known.flatMap(({ place, parsed }) => (place === name && parsed ? [parsed] : [])),
    ),
    unknown: ours.filter((rule) => !known.includes(rule)).map(toLine),
    redirectedPackets: sum(ours.filter(({ place }) => place === 'AZWI_PROXY_REDIRECT')),
    lines: ours.map((rule) => `-t ${rule.table} ${toLine(rule)}`),
    outputLines: rules
      .filter(({ table, chain }) => table === 'nat' && chain === 'OUTPUT')
      .map(toLine),
    chainNames: chains.map(({ chain }) => chain),
    leftovers,
  };
}

interface SavedChain {
  readonly table: string;
  readonly chain: string;
}

interface SavedRule extends SavedChain {
  /** The rule without its chain. */
  readonly text: string;
  readonly packets: number;
}

function splitSave(text: string): { chains: readonly SavedChain[]; rules: readonly SavedRule[] } {
  const chains: SavedChain[] = [];
  const rules: SavedRule[] = [];
  let table = '';
  for (const line of text.split('\n')) {
    const groups =
      /^(?:\*(?<table>\S+)|:(?<declared>\S+) .*|(?:\[(?<packets>\d+):\d+\] )?-A (?<chain>\S+) ?(?<rule>.*))$/.exec(
        line,
      )?.groups;
    if (groups?.['table'] !== undefined) table = groups['table'];
    if (groups?.['declared'] !== undefined) chains.push({ table, chain: groups['declared'] });
    if (groups?.['chain'] === undefined) continue;
    const { chain, rule = '', packets = '0' } = groups;
    rules.push({ table, chain, text: rule, packets: Number(packets) });
  }
  return { chains, rules };
}

function isOurs(rule: SavedRule): boolean {
  return (
    tables.some((table) => isOwnChain(table, rule)) ||
    (tables.some((table) => table === rule.table) && /(?:^| )-[jg] AZWI_PROXY_\w+$/.test(rule.text))
  );
}

function isOwnChain(table: Table, saved: SavedChain): boolean {
  return saved.table === table && ownChains[table].some((chain) => chain === saved.chain);
}

/** The chain of a ruleset that a rule stands in; undefined where no rule of ours ever stands. */
function toPlace({ table, chain }: SavedChain): ChainName | undefined {
  return chainNames.find((name) => name === chain || name === `${table} ${chain}`);
}

function toLine({ chain, text }: SavedRule): string {
  return `-A ${chain} ${text}`;
}

function sum(rules: readonly SavedRule[]): number {
  return rules.reduce((total, { packets }) => total + packets, 0);
}
