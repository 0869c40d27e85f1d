import type { Listing } from './difference.ts';
import { formatNetwork, formatRange, isAddress } from './network.ts';
import {
  type ChainName,
  chainNames,
  type HookName,
  isUsed,
  type Match,
  type Rule,
  type Ruleset,
  type Verdict,
} from './ruleset.ts';

/** The table is ours alone, so that replacing it touches nobody else's rules. */
export const nftTable = 'azwi_proxy';

/**
 * nft has no built-in chains, so ours hook in themselves. Priority -101 runs before both variants of
 * iptables, which share -100 and there run in the order in which they were first used.
 *
 * The mangle rules exist for iptables alone: there a later program can put an ACCEPT ahead of ours in
 * FORWARD. In nft every chain at a hook is asked, and one that refuses is enough.
 */
const hooks: Readonly<
  Record<HookName, { readonly name: string; readonly spec: string } | undefined>
> = {
  'nat OUTPUT': {
    name: 'nat_output',
    spec: 'type nat hook output priority -101; policy accept;',
  },
  'filter OUTPUT': {
    name: 'filter_output',
    spec: 'type filter hook output priority 0; policy accept;',
  },
  'filter FORWARD': {
    name: 'filter_forward',
    spec: 'type filter hook forward priority 0; policy accept;',
  },
  'mangle POSTROUTING': undefined,
};

const writtenChains: readonly ChainName[] = chainNames.filter(
  (name) => name !== 'mangle POSTROUTING' && name !== 'AZWI_PROXY_ROUTED',
);

/** A rule as nft takes it. */
export function formatNftRule({ match, verdict }: Rule): string {
  return [...formatMatch(match), 'counter', formatVerdict(verdict)].join(' ');
}

function formatMatch({
  destination,
  protocol,
  ports,
  uid,
  gid,
  owned,
  connection,
  staysLocal,
}: Match): string[] {
  const words: string[] = [];
  if (destination !== undefined) {
    const network = isAddress(destination) ? destination.address : formatNetwork(destination);
    words.push(`ip daddr ${network}`);
  }
  if (ports !== undefined) words.push(`tcp dport ${formatRange(ports, '-')}`);
  else if (protocol !== undefined) words.push(`meta l4proto ${protocol}`);
  if (uid !== undefined) words.push(`meta skuid ${formatRange(uid, '-')}`);
  if (gid !== undefined) words.push(`meta skgid ${formatRange(gid, '-')}`);
  if (staysLocal) words.push('oif "lo"');
  // A packet that belongs to nobody has no id to compare.
  if (owned) words.push('meta skuid 0-4294967294');
  if (connection === 'established') words.push('ct state established,related');
  if (connection === 'translated') words.push('ct status dnat');
  return words;
}

function formatVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'jump':
      return `jump ${verdict.chain}`;
    case 'accept':
    case 'return':
    case 'drop':
      return verdict.kind;
    case 'redirect':
      return `redirect to :${verdict.port}`;
    case 'dnat':
      return `dnat to ${verdict.address}:${verdict.port}`;
    case 'reset':
      return 'reject with tcp reset';
    case 'prohibit':
      return 'reject with icmp type admin-prohibited';
  }
}

/**
 * The input of `nft -f` that replaces the table by `ruleset`, or by nothing, in one transaction. Declaring
 * the table before deleting it makes the deletion succeed on a first run; `destroy` is not in every nft.
 */
export function toNftText(ruleset: Ruleset | undefined): string {
  const lines = [`table ip ${nftTable}`, `delete table ip ${nftTable}`];
  if (ruleset !== undefined) {
    const chains = writtenChains.filter((name) => isUsed(ruleset, name));
    lines.push(`table ip ${nftTable} {`, ...chains.flatMap(toChainLines(ruleset)), '}');
  }
  return `${lines.join('\n')}\n`;
}

function toChainLines(ruleset: Ruleset): (name: ChainName) => readonly string[] {
  return (name) => {
    const body = [...toSpec(name), ...ruleset[name].map(formatNftRule)];
    return [`\tchain ${toNftName(name)} {`, ...body.map((line) => `\t\t${line}`), '\t}'];
  };
}

function toNftName(name: ChainName): string {
  return (isHook(name) ? hooks[name]?.name : undefined) ?? name;
}

function toSpec(name: ChainName): readonly string[] {
  const spec = isHook(name) ? hooks[name]?.spec : undefined;
  return spec === undefined ? [] : [spec];
}

function isHook(name: ChainName): name is HookName {
  return name in hooks;
}

/** How `parseNftTable` lists a ruleset. */
export function toNftListing(ruleset: Ruleset): Listing {
  return new Map(
    writtenChains
      .filter((name) => isUsed(ruleset, name))
      .map((name) => [name, [...toSpec(name), ...ruleset[name].map(formatNftRule)].map(normalize)]),
  );
}

/** Our table in the output of `nft -y list table`. */
export interface NftTable {
  readonly listing: Listing;
  /** How many packets the redirecting rules have seen: one per redirected connection. */
  readonly redirectedPackets: number;
  readonly lines: readonly string[];
}

/** Reads the output of `nft -y list table`. Rules stay text, without their counters' values. */
export function parseNftTable(text: string): NftTable {
  const listing = new Map<string, string[]>();
  let redirectedPackets = 0;
  let name = '';
  for (const line of text.split('\n').slice(1, -2)) {
    const trimmed = line.trim();
    const chain = /^chain (\S+) \{$/.exec(trimmed)?.[1];
    if (chain !== undefined) {
      name = chainNames.find((known) => toNftName(known) === chain) ?? chain;
      listing.set(name, []);
    } else if (trimmed !== '' && trimmed !== '}') {
      // Anything outside a chain, such as a set, is not ours either.
      listing.set(name, [...(listing.get(name) ?? []), normalize(trimmed)]);
      if (name === 'AZWI_PROXY_REDIRECT') {
        redirectedPackets += Number(/counter packets (\d+)/.exec(trimmed)?.[1] ?? 0);
      }
    }
  }
  return { listing, redirectedPackets, lines: withoutCounts(text).split('\n').filter(hasText) };
}

/** Without a file of protocol names nft lists `tcp` as 6; newer ones leave out `type` before ICMP codes. */
function normalize(line: string): string {
  return withoutCounts(line)
    .replace('meta l4proto 6 ', 'meta l4proto tcp ')
    .replace('icmp type admin-prohibited', 'icmp admin-prohibited');
}

function withoutCounts(text: string): string {
  return text.replaceAll(/ packets \d+ bytes \d+/g, '');
}

function hasText(line: string): boolean {
  return line.trim() !== '';
}
