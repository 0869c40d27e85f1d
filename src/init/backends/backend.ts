import type { Listing } from '../rules/difference.ts';
import type { HookedChain } from '../rules/foreign.ts';
import type { Leftovers } from '../rules/iptables.ts';
import type { Ruleset } from '../rules/ruleset.ts';

/** What writes the rules into the kernel, in the order in which `auto` tries them. */
export const backendNames = ['iptables', 'nft', 'iptables-legacy'] as const;

export type BackendName = (typeof backendNames)[number];
export type BackendChoice = BackendName | 'auto';

/** What one backend holds in this network namespace. */
export interface Snapshot {
  /** Whether anything of ours, or of upstream's script, is there: even an empty chain. */
  readonly isPresent: boolean;
  /** Our rules by chain, as text. */
  readonly listing: Listing;
  /** How many packets the redirecting rules have seen: one per redirected connection. */
  readonly redirectedPackets: number;
  /** Our rules as the kernel lists them. */
  readonly lines: readonly string[];
  /** The rules at the hook where ours must come first, foreign ones included. */
  readonly outputLines: readonly string[];
  /** The names of all chains, foreign ones included. */
  readonly chainNames: readonly string[];
  /** What others' rules do at OUTPUT before ours, or at any time where ours are elsewhere. */
  readonly hooked: readonly HookedChain[];
  /** The objects that a transaction must delete by name when it replaces our rules. */
  readonly leftovers: Leftovers;
}

/**
 * One way into netfilter. Every method rejects with an InitFailure; one of kind `no-binary`,
 * `no-netfilter` or `missing-module` means that another backend may work.
 */
export interface Backend {
  readonly name: BackendName;
  /** Where its redirecting chain runs among those at the same hook; a lower one runs earlier. */
  readonly priority: number;
  read(): Promise<Snapshot>;
  /** What `read` lists once `ruleset` is in force. */
  toListing(ruleset: Ruleset): Listing;
  /** Asks whether the kernel would accept the rules, and changes none. */
  dryRun(ruleset: Ruleset): Promise<void>;
  /**
   * Replaces whatever `snapshot` holds of ours by `ruleset`, or by nothing. Atomic per table; if the rules
   * have changed since the snapshot was taken it fails with `rejected`.
   */
  replace(ruleset: Ruleset | undefined, snapshot: Snapshot): Promise<void>;
}
