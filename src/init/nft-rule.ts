import { formatNetwork, formatRange, isAddress } from './network.ts';
import { toMatch, toVerdict } from './rule-groups.ts';
import type { Match, Rule, Verdict } from './ruleset.ts';

/** A rule as nft takes it and, but for the numbers behind `counter`, lists it. */
export function formatNftRule({ match, verdict }: Rule): string {
  return [...formatMatch(match), 'counter', formatVerdict(verdict)].join(' ');
}

function formatMatch({ destination, protocol, ports, uid, gid, established }: Match): string[] {
  const words: string[] = [];
  if (destination !== undefined) {
    const network = isAddress(destination) ? destination.address : formatNetwork(destination);
    words.push(`ip daddr ${network}`);
  }
  if (ports !== undefined) words.push(`tcp dport ${formatRange(ports, '-')}`);
  else if (protocol !== undefined) words.push(`meta l4proto ${protocol}`);
  if (uid !== undefined) words.push(`meta skuid ${formatRange(uid, '-')}`);
  if (gid !== undefined) words.push(`meta skgid ${formatRange(gid, '-')}`);
  if (established) words.push('ct state established,related');
  return words;
}

function formatVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'jump':
      return `jump ${verdict.chain}`;
    case 'accept':
    case 'return':
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

/** Without a file of protocol names, nft lists `tcp` as 6; newer ones leave out `type` before ICMP codes. */
const rulePattern = new RegExp(
  [
    '^(?:ip daddr (?<destination>\\S+) )?',
    '(?:meta l4proto (?<protocol>tcp|6) )?',
    '(?:tcp dport (?<ports>\\S+) )?',
    '(?:meta skuid (?<uid>\\S+) )?',
    '(?:meta skgid (?<gid>\\S+) )?',
    '(?:ct state (?<established>established,related) )?',
    'counter packets (?<packets>\\d+) bytes \\d+ (?:',
    'jump (?<chain>AZWI_PROXY_(?:OUTPUT|REDIRECT|GUARD))',
    '|(?<accept>accept)',
    '|(?<return>return)',
    '|redirect to :(?<redirectPort>\\d+)',
    '|dnat to (?<dnatAddress>[\\d.]+):(?<dnatPort>\\d+)',
    '|reject with (?:(?<reset>tcp reset)|(?<prohibit>icmp (?:type )?admin-prohibited))',
    ')$',
  ].join(''),
);

/** The rule in a line of `nft list`, and its packet counter; undefined if it is none of ours. */
export function parseNftRule(text: string): { rule: Rule; packets: number } | undefined {
  const groups = rulePattern.exec(text)?.groups;
  const match = groups && toMatch(groups, '-');
  return (
    match && { rule: { match, verdict: toVerdict(groups) }, packets: Number(groups['packets']) }
  );
}
