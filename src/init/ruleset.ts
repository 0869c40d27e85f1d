import type { Network, Range } from './network.ts';

/** Conditions of a rule; all must hold. */
export interface Match {
  readonly destination?: Network;
  readonly protocol?: 'tcp';
  /** Destination ports; only with `protocol`. */
  readonly ports?: Range;
  readonly uid?: Range;
  readonly gid?: Range;
  readonly established?: true;
}

export type Verdict =
  | { readonly kind: 'jump'; readonly chain: OwnChain }
  | { readonly kind: 'accept' | 'return' | 'reset' | 'prohibit' }
  | { readonly kind: 'redirect'; readonly port: number }
  | { readonly kind: 'dnat'; readonly address: string; readonly port: number };

/** One rule, in terms that each backend has a single rule for. */
export interface Rule {
  readonly match: Match;
  readonly verdict: Verdict;
}

/** Where rules stand: in a chain of ours, or ahead of everything in a built-in one. */
export const chainNames = [
  'nat OUTPUT',
  'AZWI_PROXY_OUTPUT',
  'AZWI_PROXY_REDIRECT',
  'filter OUTPUT',
  'AZWI_PROXY_GUARD',
] as const;

export type ChainName = (typeof chainNames)[number];

/** The chains that are ours alone; upstream's documents show the first two under these names. */
export type OwnChain = Exclude<ChainName, `${string} OUTPUT`>;

/** The tables of netfilter that rules stand in, each with the chains that are ours. */
export const ownChains = {
  nat: ['AZWI_PROXY_OUTPUT', 'AZWI_PROXY_REDIRECT'],
  filter: ['AZWI_PROXY_GUARD'],
} as const satisfies Record<string, readonly OwnChain[]>;

export type Table = keyof typeof ownChains;

/** Every rule of the redirect in order, whatever writes it into the kernel. */
export type Ruleset = Readonly<Record<ChainName, readonly Rule[]>>;

export function mapChains<T>(convert: (name: ChainName) => T): Readonly<Record<ChainName, T>> {
  return {
    'nat OUTPUT': convert('nat OUTPUT'),
    AZWI_PROXY_OUTPUT: convert('AZWI_PROXY_OUTPUT'),
    AZWI_PROXY_REDIRECT: convert('AZWI_PROXY_REDIRECT'),
    'filter OUTPUT': convert('filter OUTPUT'),
    AZWI_PROXY_GUARD: convert('AZWI_PROXY_GUARD'),
  };
}

export const emptyRuleset: Ruleset = mapChains(() => []);
