import type { Listing } from './difference.ts';
import { formatNetwork, formatRange } from './network.ts';
import {
  chainNames,
  isUsed,
  type Match,
  type OwnChain,
  type Rule,
  type Ruleset,
  type Table,
  tableNames,
  tables,
  type Verdict,
} from './ruleset.ts';

/** What is there of ours in each table: our chains, and the rules elsewhere that lead into them. */
export type Leftovers = Readonly<
  Record<Table, { readonly chains: readonly string[]; readonly jumps: readonly string[] }>
>;

export const noLeftovers: Leftovers = {
  mangle: { chains: [], jumps: [] },
  filter: { chains: [], jumps: [] },
  nat: { chains: [], jumps: [] },
};

/** A rule without its chain, exactly as `iptables-save` prints it. */
export function formatIptablesRule({ match, verdict }: Rule): string {
  return [...formatMatch(match), `-j ${formatVerdict(verdict)}`].join(' ');
}

function formatMatch(match: Match): string[] {
  const { destination, protocol, ports, uid, gid, owned, connection, staysLocal, foreignSource } =
    match;
  const words: string[] = [];
  if (destination !== undefined) words.push(`-d ${formatNetwork(destination)}`);
  if (staysLocal) words.push('-o lo');
  if (protocol !== undefined) words.push(`-p ${protocol}`);
  if (ports !== undefined) words.push(`-m tcp --dport ${formatRange(ports, ':')}`);
  if (uid !== undefined || gid !== undefined) words.push('-m owner');
  if (uid !== undefined) words.push(`--uid-owner ${formatRange(uid, '-')}`);
  if (gid !== undefined) words.push(`--gid-owner ${formatRange(gid, '-')}`);
  if (owned) words.push('-m owner --socket-exists');
  if (connection === 'established') words.push('-m conntrack --ctstate RELATED,ESTABLISHED');
  if (connection === 'translated') words.push('-m conntrack --ctstate DNAT');
  if (foreignSource) words.push('-m addrtype ! --src-type LOCAL');
  return words;
}

function formatVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'jump':
      return verdict.chain;
    case 'accept':
    case 'return':
    case 'drop':
      return verdict.kind.toUpperCase();
    case 'redirect':
      return `REDIRECT --to-ports ${verdict.port}`;
    case 'dnat':
      return `DNAT --to-destination ${verdict.address}:${verdict.port}`;
    case 'reset':
      return 'REJECT --reject-with tcp-reset';
    case 'prohibit':
      return 'REJECT --reject-with icmp-admin-prohibited';
  }
}

/** How `iptables-save` lists a ruleset. */
export function toIptablesListing(ruleset: Ruleset): Listing {
  return new Map(
    chainNames
      .filter((name) => ruleset[name].length > 0)
      .map((name) => [name, ruleset[name].map(formatIptablesRule)]),
  );
}

/**
 * The input of `iptables-restore --noflush` that replaces the leftovers by `ruleset`, or by nothing.
 * No fixed text can do that: deleting a rule that is not there fails the whole input.
 */
export function toRestoreText(ruleset: Ruleset | undefined, leftovers: Leftovers): string {
  return tableNames.map((table) => toTableText(table, ruleset, leftovers[table])).join('');
}

function toTableText(
  table: Table,
  ruleset: Ruleset | undefined,
  { chains, jumps }: Leftovers[Table],
): string {
  const { hooks, own } = tables[table];
  const rulesOf = (name: (typeof chainNames)[number]): readonly Rule[] => ruleset?.[name] ?? [];
  const wanted: readonly OwnChain[] = own.filter(
    (chain) => ruleset !== undefined && isUsed(ruleset, chain),
  );
  // Naming a chain creates it, or empties it if it is there.
  const named = [...new Set<string>([...wanted, ...chains])];
  if (named.length === 0 && jumps.length === 0) return '';
  const lines = [
    `*${table}`,
    ...named.map((chain) => `:${chain} - [0:0]`),
    ...jumps.map((jump) => jump.replace('-A', '-D')),
    ...hooks.flatMap((hook) =>
      rulesOf(hook).map(
        (rule, index) => `-I ${hook.split(' ')[1]} ${index + 1} ${formatIptablesRule(rule)}`,
      ),
    ),
    ...wanted.flatMap((chain) =>
      rulesOf(chain).map((rule) => `-A ${chain} ${formatIptablesRule(rule)}`),
    ),
    ...named
      .filter((chain) => !wanted.some((other) => other === chain))
      .map((chain) => `-X ${chain}`),
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}

interface SavedChain {
  readonly table: string;
  readonly chain: string;
}

export interface SavedRule extends SavedChain {
  /** The rule without its chain. */
  readonly text: string;
  readonly packets: number;
}

/** The output of `iptables-save -c`, rule by rule. */
export interface Saved {
  readonly chains: readonly SavedChain[];
  readonly rules: readonly SavedRule[];
}

/** Reads the output of `iptables-save -c`. Rules stay text. */
export function parseSave(text: string): Saved {
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

/** The rules that are ours or lead into our chains, by chain. */
export function toOwnListing({ rules }: Saved): Listing {
  const listing = new Map<string, string[]>();
  for (const rule of rules.filter(isOurs)) {
    const name = isOwnChain(rule) ? rule.chain : `${rule.table} ${rule.chain}`;
    listing.set(name, [...(listing.get(name) ?? []), rule.text]);
  }
  return listing;
}

export function toLeftovers({ chains, rules }: Saved): Leftovers {
  const ofTable = (table: Table): Leftovers[Table] => ({
    chains: chains
      .filter((saved) => saved.table === table && isOwnChain(saved))
      .map(({ chain }) => chain),
    jumps: rules
      .filter((rule) => rule.table === table && isOurs(rule) && !isOwnChain(rule))
      .map(({ chain, text }) => `-A ${chain} ${text}`),
  });
  return { mangle: ofTable('mangle'), filter: ofTable('filter'), nat: ofTable('nat') };
}

/** Whether a rule stands in a chain of ours or leads into one. */
export function isOurs(rule: SavedRule): boolean {
  const target = /(?:^| )-[jg] (\S+)$/.exec(rule.text)?.[1] ?? '';
  return isOwnChain(rule) || isOwnChain({ table: rule.table, chain: target });
}

function isOwnChain({ table, chain }: SavedChain): boolean {
  return tableNames.some(
    (name) => name === table && tables[name].own.some((own: string) => own === chain),
  );
}
