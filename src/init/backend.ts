import type { Ruleset, Table } from './ruleset.ts';

/** What writes the rules into the kernel, in the order in which `auto` tries them. */
export const backendNames = ['iptables', 'nft', 'iptables-legacy'] as const;

export type BackendName = (typeof backendNames)[number];
export type BackendChoice = BackendName | 'auto';

/** What one backend holds in this network namespace. */
export interface Snapshot {
  /** Whether anything of ours, or of upstream's script, is there: even an empty chain. */
  readonly isPresent: boolean;
  readonly ruleset: Ruleset;
  /** Lines in our chains that no rule of ours looks like. */
  readonly unknown: readonly string[];
  /** How many packets the redirecting rules have seen: one per redirected connection. */
  readonly redirectedPackets: number;
  /** Our rules as the kernel lists them. */
  readonly lines: readonly string[];
  /** The rules at the hook where ours must come first, foreign ones included. */
  readonly outputLines: readonly string[];
  /** The names of all chains, foreign ones included. */
  readonly chainNames: readonly string[];
  /** What a transaction that replaces our rules has to delete by name. */
  readonly leftovers: Leftovers;
}

/** Per table, our chains and the rules that lead into them. */
export type Leftovers = Readonly<
  Record<Table, { readonly chains: readonly string[]; readonly jumps: readonly string[] }>
>;

export const noLeftovers: Leftovers = {
  nat: { chains: [], jumps: [] },
  filter: { chains: [], jumps: [] },
};

/**
 * One way into netfilter. Every method rejects with an InitFailure; one of kind `no-binary`,
 * `no-netfilter` or `missing-module` means that another backend may do.
 */
export interface Backend {
  readonly name: BackendName;
  read(): Promise<Snapshot>;
  /** Asks whether the kernel would take the rules, and changes none. */
  dryRun(ruleset: Ruleset): Promise<void>;
  /**
   * Replaces whatever `snapshot` holds of ours by `ruleset`, or by nothing. Atomic per table; if the rules
   * have changed since the snapshot was taken it fails with `rejected`.
   */
  replace(ruleset: Ruleset | undefined, snapshot: Snapshot): Promise<void>;
}
