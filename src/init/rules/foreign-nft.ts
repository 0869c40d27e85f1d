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
import { nftTable } from './nft.ts';

/** What `nft -j list ruleset` says, as far as this program reads it. */
interface NftObject {
  readonly table?: { readonly family: string; readonly name: string };
  readonly chain?: {
    readonly family: string;
    readonly table: string;
    readonly name: string;
    readonly type?: string;
    readonly hook?: string;
    readonly prio?: number;
  };
  readonly rule?: {
    readonly family: string;
    readonly table: string;
    readonly chain: string;
    readonly expr: readonly Statement[];
  };
}

/** A statement has one key, which names it. */
type Statement = Readonly<Record<string, unknown>>;

/** All of nf_tables in this network namespace. */
export interface NftRuleset {
  /** Such as `ip nat`. */
  readonly tables: readonly string[];
  /** The names of chains. */
  readonly chains: readonly string[];
  /** The chains that hook into OUTPUT for IPv4, without ours. */
  readonly hooked: readonly HookedChain[];
}

/** Reads outputs of `nft -j list ruleset`. @throws SyntaxError if one is not JSON */
export function parseNftRuleset(texts: readonly string[]): NftRuleset {
  const nftables = texts.flatMap(
    (text) => (JSON.parse(text) as { readonly nftables: readonly NftObject[] }).nftables,
  );
  const chains = nftables.flatMap(({ chain }) => (chain === undefined ? [] : [chain]));
  const rules = nftables.flatMap(({ rule }) => (rule === undefined ? [] : [rule]));
  const hooked = chains
    .filter(
      ({ family, table, hook }) =>
        hook === 'output' &&
        (family === 'inet' || family === 'ip') &&
        !(family === 'ip' && table === nftTable),
    )
    .map(({ family, table, name, type, prio = 0 }): HookedChain => {
      const rulesOf = (chain: string): readonly ForeignRule[] =>
        rules
          .filter((rule) => rule.family === family && rule.table === table && rule.chain === chain)
          .map(({ expr }) => toForeignRule(`${family} ${table} ${chain}`, expr));
      return {
        name: `nft ${family} ${table} ${name}`,
        isNat: type === 'nat',
        priority: prio,
        rules: rulesOf(name),
        chain: rulesOf,
      };
    });
  return {
    tables: nftables.flatMap(({ table }) => (table ? [`${table.family} ${table.name}`] : [])),
    chains: chains.map(({ name }) => name),
    hooked,
  };
}

function toForeignRule(place: string, statements: readonly Statement[]): ForeignRule {
  // Counters' values would make two listings of one rule differ.
  const shown = statements.filter((statement) => !('counter' in statement));
  return {
    text: `${place} ${JSON.stringify(shown)}`,
    matches: (packets) => both(statements.map((statement) => judgeStatement(statement, packets))),
    action: statements.map(toStatementAction).find((action) => action !== 'continue') ?? 'continue',
  };
}

/** Statements that let some packets pass on to the next statement and others not. */
const filters: ReadonlySet<string> = new Set(['limit', 'quota', 'ct count', 'connlimit']);

function judgeStatement(statement: Statement, packets: Packets): Answer {
  if ('match' in statement) return judgeMatch(statement['match'] as Match, packets);
  const [name = ''] = Object.keys(statement);
  const xt = statement['xt'] as { readonly type?: string } | null | undefined;
  return filters.has(name) || xt?.type === 'match' ? 'maybe' : 'yes';
}

interface Match {
  readonly op: string;
  readonly left: {
    readonly payload?: { readonly protocol?: string; readonly field?: string };
    readonly meta?: { readonly key: string };
  };
  readonly right: unknown;
}

function judgeMatch({ op, left, right }: Match, packets: Packets): Answer {
  const { payload, meta } = left;
  // Another protocol's field makes the rule fail, whatever it is compared with.
  const protocol = payload?.protocol;
  if (protocol === 'ip6' || protocol === 'icmpv6') return 'no';
  if (packets.protocol === 'tcp' && protocol !== undefined && otherProtocols.has(protocol)) {
    return 'no';
  }
  const values = toValues(right);
  if (values === undefined || (op !== '==' && op !== '!=' && op !== 'in')) return 'maybe';
  const answer = judgeField(
    `${protocol ?? 'meta'} ${payload?.field ?? meta?.key ?? ''}`,
    values,
    packets,
  );
  return op === '!=' ? invert(answer) : answer;
}

const otherProtocols: ReadonlySet<string> = new Set([
  'udp',
  'udplite',
  'icmp',
  'sctp',
  'dccp',
  'igmp',
]);

const fields: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['ip daddr', 'destination'],
  ['ip protocol', 'protocol'],
  ['meta l4proto', 'protocol'],
  ['tcp dport', 'port'],
  ['th dport', 'port'],
  ['meta skuid', 'uid'],
  ['meta skgid', 'gid'],
]);

function judgeField(name: string, values: readonly string[], packets: Packets): Answer {
  if (name === 'meta nfproto') return values.includes('ipv4') ? 'yes' : 'no';
  if (name === 'meta oifname' && values.join() === 'lo') return 'no';
  const field = fields.get(name);
  return field === undefined ? 'maybe' : judge(field, values, packets);
}

/** The values of the right side as text; undefined where it is something else, such as a named set. */
function toValues(right: unknown): readonly string[] | undefined {
  if (typeof right === 'number') return [`${right}`];
  if (typeof right === 'string') return right.startsWith('@') ? undefined : [right];
  if (Array.isArray(right)) return flatten(right);
  if (typeof right !== 'object' || right === null) return undefined;
  if ('set' in right) return Array.isArray(right.set) ? flatten(right.set) : toValues(right.set);
  if ('range' in right && Array.isArray(right.range)) return [right.range.join('-')];
  if ('prefix' in right) {
    const { addr, len } = right.prefix as { readonly addr: string; readonly len: number };
    return [`${addr}/${len}`];
  }
  return undefined;
}

function flatten(items: readonly unknown[]): readonly string[] | undefined {
  const values = items.map(toValues);
  return values.every((each) => each !== undefined) ? values.flat() : undefined;
}

const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ...[
    'match',
    'counter',
    'log',
    'comment',
    'continue',
    'set',
    'map',
    'meter',
    'ct helper',
    'ct timeout',
    'ct expectation',
    'secmark',
    'flow',
    ...filters,
  ].map((name): [string, Action] => [name, 'continue']),
  ['accept', 'accept'],
  ['return', 'return'],
  ['drop', 'drop'],
  ['reject', 'drop'],
  ['dnat', 'capture'],
  ['redirect', 'capture'],
  ['notrack', 'capture'],
]);

function toStatementAction(statement: Statement): Action {
  const [name = ''] = Object.keys(statement);
  const value = statement[name];
  if (name === 'jump' || name === 'goto') {
    const { target } = value as { readonly target: string };
    return name === 'goto' ? { jump: target, isGoto: true } : { jump: target };
  }
  if (name === 'mangle') return toMangleAction(value as { readonly key: object });
  if (name === 'xt') {
    const xt = value as { readonly type?: string; readonly name?: string } | null;
    if (xt?.type === 'match') return 'continue';
    return (xt?.name === undefined ? undefined : toAction(xt.name)) ?? 'unknown';
  }
  return actions.get(name) ?? 'unknown';
}

/** Marks are harmless; writing into the packet may change where it goes. */
function toMangleAction({ key }: { readonly key: object }): Action {
  if (!('payload' in key)) return 'continue';
  const { field } = key.payload as { readonly field?: string };
  return field === 'daddr' || field === 'dport' || field === undefined ? 'capture' : 'continue';
}
