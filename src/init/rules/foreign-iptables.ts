import {
  type Action,
  type Answer,
  both,
  type Field,
  type ForeignRule,
  type HookedChain,
  invert,
  judge,
  type Packets,
  toAction,
} from './foreign.ts';
import { isOurs, type Saved, type SavedRule } from './iptables.ts';

/** The tables that see packets at OUTPUT, and when. */
const priorities: ReadonlyMap<string, number> = new Map([
  ['raw', -300],
  ['mangle', -150],
  ['nat', -100],
  ['filter', 0],
  ['security', 50],
]);

/** The built-in OUTPUT chains of one iptables variant. */
export function toHookedChains({ chains, rules }: Saved, backend: string): readonly HookedChain[] {
  return chains
    .filter(({ table, chain }) => chain === 'OUTPUT' && priorities.has(table))
    .map(({ table }) => {
      const rulesOf = (chain: string): readonly SavedRule[] =>
        rules.filter((rule) => rule.table === table && rule.chain === chain);
      const output = rulesOf('OUTPUT');
      const ours = output.findIndex(isOurs);
      return {
        name: `${backend} ${table} OUTPUT`,
        isNat: table === 'nat',
        priority: priorities.get(table) ?? 0,
        rules: output.slice(0, ours < 0 ? output.length : ours).map(toForeignRule),
        chain: (name) => rulesOf(name).map(toForeignRule),
      };
    });
}

function toForeignRule({ chain, text }: SavedRule): ForeignRule {
  const { conditions, target, words, isGoto } = parseRule(text);
  return {
    text: `-A ${chain} ${text}`,
    matches: (packets) => both(conditions.map((condition) => condition(packets))),
    action: isGoto ? { jump: target ?? '', isGoto } : toRuleAction(target, words),
  };
}

function toRuleAction(target: string | undefined, words: readonly string[]): Action {
  if (target === undefined) return 'continue';
  // CT can also attach a helper or a zone, which leaves translation as it is.
  if (target === 'CT' && !words.includes('--notrack')) return 'continue';
  const action = toAction(target);
  if (action !== undefined) return action;
  // Targets of extensions are upper case as well, and not told from chains: an unknown one is an empty chain.
  return knownUnsafe.has(target) ? 'unknown' : { jump: target };
}

/** Targets whose effect depends on something that no rule shows. */
const knownUnsafe: ReadonlySet<string> = new Set([
  'NFQUEUE',
  'QUEUE',
  'SYNPROXY',
  'TPROXY',
  'DNPT',
]);

type Condition = (packets: Packets) => Answer;

const fields: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['-d', 'destination'],
  ['-p', 'protocol'],
  ['--dport', 'port'],
  ['--dports', 'port'],
  ['--dst-range', 'destination'],
  ['--uid-owner', 'uid'],
  ['--gid-owner', 'gid'],
]);

/** Options that name an extension or a note and decide nothing. */
const decidesNothing: ReadonlySet<string> = new Set(['-m', '--comment']);

function parseRule(text: string): {
  readonly conditions: readonly Condition[];
  readonly target: string | undefined;
  readonly words: readonly string[];
  readonly isGoto: boolean;
} {
  const words = text.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [];
  const conditions: Condition[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const isNegated = words[at] === '!';
    if (isNegated) at += 1;
    const option = words[at] ?? '';
    if (option === '-j' || option === '-g') {
      return {
        conditions,
        target: words[at + 1],
        words: words.slice(at + 2),
        isGoto: option === '-g',
      };
    }
    const values: string[] = [];
    while (words[at + 1] !== undefined && !/^(?:-.*|!)$/.test(words[at + 1] ?? '')) {
      at += 1;
      values.push(...(words[at] ?? '').split(','));
    }
    if (decidesNothing.has(option)) continue;
    const field = fields.get(option);
    conditions.push((packets) => {
      if (option === '-o' && values[0] === 'lo') return isNegated ? 'yes' : 'no';
      const answer = field === undefined ? 'maybe' : judge(field, values, packets);
      return isNegated ? invert(answer) : answer;
    });
  }
  return { conditions, target: undefined, words: [], isGoto: false };
}
