import { isAddress, isSingle, type Network, type Range } from './network.ts';

/** Who may still reach the metadata address itself. docs/redirect.md compares them. */
export type Exemption =
  | { readonly kind: 'uid'; readonly uid: Range }
  | { readonly kind: 'uid+gid'; readonly uid: Range; readonly gid: Range }
  | { readonly kind: 'alias-port'; readonly port: number }
  | { readonly kind: 'none' };

/** What is refused in addition to the redirected ports. */
export type Guard = 'off' | 'imds' | 'imds+wireserver';

/** Where redirected connections end: on 127.0.0.1, or in another network namespace. */
export type Target =
  | { readonly kind: 'local'; readonly port: number }
  | { readonly kind: 'remote'; readonly address: string; readonly port: number };

/** Everything that the rules depend on. */
export interface Redirect {
  readonly destinations: readonly Network[];
  readonly ports: Range;
  readonly target: Target;
  readonly exemption: Exemption;
  readonly guard: Guard;
  /** What happens to connections that other machines make through this network namespace. */
  readonly forwarded: 'refuse' | 'off';
  /** Whether frames that processes write themselves are refused as well. */
  readonly guardsPackets: boolean;
}

/** Conditions of a rule; all must hold. */
export interface Match {
  readonly destination?: Network;
  readonly protocol?: 'tcp';
  /** Destination ports; only with `protocol`. */
  readonly ports?: Range;
  readonly uid?: Range;
  readonly gid?: Range;
  /** A process has the socket open. The last packets of a closed connection belong to nobody. */
  readonly owned?: true;
  /** What conntrack knows: a connection with answers, or one whose destination was translated. */
  readonly connection?: 'established' | 'translated';
  /** It leaves by `lo`: it stays in this network namespace. */
  readonly staysLocal?: true;
  /** The source is not an address of this network namespace: somebody else's packet passes through. */
  readonly foreignSource?: true;
}

export type Verdict =
  | { readonly kind: 'jump'; readonly chain: OwnChain }
  | { readonly kind: 'accept' | 'return' | 'reset' | 'prohibit' | 'drop' }
  | { readonly kind: 'redirect'; readonly port: number }
  | { readonly kind: 'dnat'; readonly address: string; readonly port: number };

/** One rule, in terms that each backend has a single rule for. */
export interface Rule {
  readonly match: Match;
  readonly verdict: Verdict;
}

/** Where rules stand: first in a built-in chain, or in a chain of ours. */
export const chainNames = [
  'nat OUTPUT',
  'AZWI_PROXY_OUTPUT',
  'AZWI_PROXY_REDIRECT',
  'filter OUTPUT',
  'AZWI_PROXY_GUARD',
  'filter FORWARD',
  'AZWI_PROXY_FORWARD',
  'mangle POSTROUTING',
  'AZWI_PROXY_ROUTED',
] as const;

export type ChainName = (typeof chainNames)[number];
export type HookName = Extract<ChainName, `${string} ${string}`>;

/** The chains that are ours alone; upstream's documents show the first two under these names. */
export type OwnChain = Exclude<ChainName, HookName>;

/** The tables that rules stand in, each with the built-in chains that lead to ours, and ours. */
export const tables = {
  mangle: { hooks: ['mangle POSTROUTING'], own: ['AZWI_PROXY_ROUTED'] },
  filter: {
    hooks: ['filter OUTPUT', 'filter FORWARD'],
    own: ['AZWI_PROXY_GUARD', 'AZWI_PROXY_FORWARD'],
  },
  nat: { hooks: ['nat OUTPUT'], own: ['AZWI_PROXY_OUTPUT', 'AZWI_PROXY_REDIRECT'] },
} as const satisfies Record<
  string,
  { readonly hooks: readonly HookName[]; readonly own: readonly OwnChain[] }
>;

export type Table = keyof typeof tables;

/** In the order in which they are written: the redirect is never there without its guards. */
export const tableNames: readonly Table[] = ['mangle', 'filter', 'nat'];

/** Every rule of the redirect in order, whatever writes it into the kernel. */
export type Ruleset = Readonly<Record<ChainName, readonly Rule[]>>;

/** Whether a chain of ours is there at all: it holds rules, or a rule leads to it. */
export function isUsed(ruleset: Ruleset, name: ChainName): boolean {
  const leadsThere = ({ verdict }: Rule): boolean =>
    verdict.kind === 'jump' && verdict.chain === name;
  return ruleset[name].length > 0 || chainNames.some((other) => ruleset[other].some(leadsThere));
}

/** Azure's host agent: 80 and 32526 hand out certificates and settings of the node; 53 is its DNS. */
export const wireServer = { address: '168.63.129.16', ports: [80, 32_526] } as const;

/** The rules that make `redirect` true. Pure; equal input gives equal rules in equal order. */
export function toRuleset(redirect: Redirect): Ruleset {
  const { destinations, ports, exemption, forwarded } = redirect;
  const captured = destinations.map((destination): Match => tcp(destination, ports));
  const aliased =
    exemption.kind === 'alias-port'
      ? destinations.map((destination): Match => tcp(destination, toRange(exemption.port)))
      : [];
  const guarded = toGuarded(redirect);
  const routed = forwarded === 'off' ? [] : guarded.length > 0 ? guarded : captured;
  return {
    'nat OUTPUT': [...captured, ...aliased].map(toJump('AZWI_PROXY_OUTPUT')),
    AZWI_PROXY_OUTPUT: [
      ...destinations.flatMap((destination) => toExemptRules(destination, ports, exemption)),
      { match: {}, verdict: { kind: 'jump', chain: 'AZWI_PROXY_REDIRECT' } },
    ],
    AZWI_PROXY_REDIRECT: [{ match: { protocol: 'tcp' }, verdict: toVerdict(redirect.target) }],
    'filter OUTPUT': guarded.map(toJump('AZWI_PROXY_GUARD')),
    AZWI_PROXY_GUARD: guarded.length > 0 ? toGuardRules(redirect) : [],
    'filter FORWARD': routed.map(toJump('AZWI_PROXY_FORWARD')),
    AZWI_PROXY_FORWARD: routed.length > 0 ? refuseAll : [],
    'mangle POSTROUTING': routed
      .map((match): Match => ({ ...match, foreignSource: true }))
      .map(toJump('AZWI_PROXY_ROUTED')),
    AZWI_PROXY_ROUTED: routed.length > 0 ? [{ match: {}, verdict: { kind: 'drop' } }] : [],
  };
}

const refuseAll: readonly Rule[] = [
  { match: { protocol: 'tcp' }, verdict: { kind: 'reset' } },
  { match: {}, verdict: { kind: 'prohibit' } },
];

function toExemptRules(destination: Network, ports: Range, exemption: Exemption): readonly Rule[] {
  switch (exemption.kind) {
    case 'uid':
    case 'uid+gid':
      return [
        {
          match: { ...tcp(destination, ports), ...toOwner(exemption) },
          verdict: toPassVerdict(destination, ports),
        },
      ];
    case 'alias-port':
      return [
        {
          match: tcp(destination, toRange(exemption.port)),
          verdict: { kind: 'dnat', address: destination.address, port: ports.from },
        },
      ];
    case 'none':
      return [];
  }
}

/**
 * Translating a connection to its own destination settles it: a service mesh whose rules come later, or in
 * the other iptables variant, cannot redirect it. Accepting does not, but is all that works for a network.
 */
function toPassVerdict(destination: Network, ports: Range): Verdict {
  return isAddress(destination) && isSingle(ports)
    ? { kind: 'dnat', address: destination.address, port: ports.from }
    : { kind: 'accept' };
}

function toVerdict(target: Target): Verdict {
  return target.kind === 'local'
    ? { kind: 'redirect', port: target.port }
    : { kind: 'dnat', address: target.address, port: target.port };
}

function toGuarded({ destinations, guard }: Redirect): readonly Match[] {
  if (guard === 'off') return [];
  const guarded: Match[] = destinations.map((destination) => ({ destination }));
  if (guard === 'imds+wireserver') {
    const destination = { address: wireServer.address, prefix: 32 };
    guarded.push(...wireServer.ports.map((port) => tcp(destination, toRange(port))));
  }
  return guarded;
}

/**
 * The guard sees packets after translation: redirected ones no longer have these destinations.
 *
 * There is no exception for connections that were open before: a process that has one would keep the node's
 * identity. Only packets that belong to nobody may finish a connection. They are the last ones of a closed
 * connection, and refusing them would reset the proxy's own.
 *
 * With a local route to the metadata address, the proxy's answers have it as their destination. What stays in
 * the namespace does not reach the node.
 */
function toGuardRules({ destinations, ports, exemption }: Redirect): readonly Rule[] {
  return [
    { match: { staysLocal: true }, verdict: { kind: 'return' } },
    ...toGuardExemptions(destinations, ports, exemption),
    ...refuseAll.map(({ match, verdict }): Rule => ({ match: { ...match, owned: true }, verdict })),
    { match: { connection: 'established' }, verdict: { kind: 'return' } },
    ...refuseAll,
  ];
}

function toGuardExemptions(
  destinations: readonly Network[],
  ports: Range,
  exemption: Exemption,
): readonly Rule[] {
  switch (exemption.kind) {
    case 'uid':
    case 'uid+gid':
      return [{ match: toOwner(exemption), verdict: { kind: 'return' } }];
    case 'alias-port':
      return destinations.map((destination) => ({
        match: { ...tcp(destination, ports), connection: 'translated' },
        verdict: { kind: 'return' },
      }));
    case 'none':
      return [];
  }
}

function tcp(destination: Network, ports: Range): Match {
  return { destination, protocol: 'tcp', ports };
}

function toOwner(exemption: Exclude<Exemption, { kind: 'alias-port' | 'none' }>): Match {
  return exemption.kind === 'uid'
    ? { uid: exemption.uid }
    : { uid: exemption.uid, gid: exemption.gid };
}

function toJump(chain: OwnChain): (match: Match) => Rule {
  return (match) => ({ match, verdict: { kind: 'jump', chain } });
}

function toRange(port: number): Range {
  return { from: port, to: port };
}
