import { formatNetwork, formatRange } from './network.ts';
import { toMatch, toVerdict } from './rule-groups.ts';
import type { Match, Rule, Verdict } from './ruleset.ts';

/** A rule without its chain, exactly as `iptables-save` prints it. */
export function formatIptablesRule({ match, verdict }: Rule): string {
  return [...formatMatch(match), `-j ${formatVerdict(verdict)}`].join(' ');
}

function formatMatch({ destination, protocol, ports, uid, gid, established }: Match): string[] {
  const words: string[] = [];
  if (destination !== undefined) words.push(`-d ${formatNetwork(destination)}`);
  if (protocol !== undefined) words.push(`-p ${protocol}`);
  if (ports !== undefined) words.push(`-m tcp --dport ${formatRange(ports, ':')}`);
  if (uid !== undefined || gid !== undefined) words.push('-m owner');
  if (uid !== undefined) words.push(`--uid-owner ${formatRange(uid, '-')}`);
  if (gid !== undefined) words.push(`--gid-owner ${formatRange(gid, '-')}`);
  if (established) words.push('-m conntrack --ctstate RELATED,ESTABLISHED');
  return words;
}

function formatVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'jump':
      return verdict.chain;
    case 'accept':
      return 'ACCEPT';
    case 'return':
      return 'RETURN';
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

const rulePattern = new RegExp(
  [
    '^(?:-d (?<destination>\\S+) )?',
    '(?:-p (?<protocol>tcp) )?',
    '(?:-m tcp --dport (?<ports>\\S+) )?',
    '(?:-m owner(?: --uid-owner (?<uid>\\S+))?(?: --gid-owner (?<gid>\\S+))? )?',
    '(?:-m conntrack --ctstate (?<established>RELATED,ESTABLISHED) )?',
    '-j (?:',
    '(?<chain>AZWI_PROXY_(?:OUTPUT|REDIRECT|GUARD))',
    '|(?<accept>ACCEPT)',
    '|(?<return>RETURN)',
    '|REDIRECT --to-ports (?<redirectPort>\\d+)',
    '|DNAT --to-destination (?<dnatAddress>[\\d.]+):(?<dnatPort>\\d+)',
    '|REJECT --reject-with (?:(?<reset>tcp-reset)|(?<prohibit>icmp-admin-prohibited))',
    ')$',
  ].join(''),
);

/** The rule that a line of `iptables-save` shows, its chain cut off; undefined if it is none of ours. */
export function parseIptablesRule(text: string): Rule | undefined {
  const groups = rulePattern.exec(text)?.groups;
  const match = groups && toMatch(groups, ':');
  return match && { match, verdict: toVerdict(groups) };
}
