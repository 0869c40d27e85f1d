import { join } from 'node:path';
import type { Environment } from '../../shared/options.ts';
import { InitFailure } from '../failures.ts';
import { toHookedChains } from '../rules/foreign-iptables.ts';
import {
  isOurs,
  noLeftovers,
  parseSave,
  type SavedRule,
  toIptablesListing,
  toLeftovers,
  toOwnListing,
  toRestoreText,
} from '../rules/iptables.ts';
import type { Backend, BackendName, Snapshot } from './backend.ts';
import { programDeadlineMs, type RunProgram, toProgramFailure, toSpawnFailure } from './program.ts';

/** The two programs that share the name iptables. */
export type IptablesVariant = 'nft' | 'legacy';

export interface IptablesOptions {
  readonly lockWaitSeconds: number;
  /** Where a lock file may go if the usual place cannot be written, in order of preference. */
  readonly lockDirectories: readonly string[];
  /** The text of /proc/net/ip_tables_names, which lists this namespace's legacy tables; empty if none. */
  readonly readLegacyTables: () => Promise<string>;
  readonly hasCapability: (name: 'NET_ADMIN' | 'NET_RAW') => boolean;
}

/** Rules through `iptables-save` and `iptables-restore --noflush`, which is atomic per table. */
export function createIptablesBackend(
  variant: IptablesVariant,
  run: RunProgram,
  { lockWaitSeconds, lockDirectories, readLegacyTables, hasCapability }: IptablesOptions,
): Backend {
  let lockEnv: Environment = {};

  const iptables = async (tool: string, args: readonly string[], input = ''): Promise<string> => {
    const file = `iptables-${variant}-${tool}`;
    const result = await run(file, args, {
      input,
      env: lockEnv,
      deadlineMs: programDeadlineMs + lockWaitSeconds * 1_000,
    }).catch((error: unknown) => {
      throw toSpawnFailure(file, error);
    });
    if (result.exitCode === 0) return result.stdout;
    const failure = toProgramFailure(file, result);
    if (failure.kind === 'lock-held') {
      throw new InitFailure('lock-held', { seconds: lockWaitSeconds });
    }
    throw variant === 'legacy' ? withMissingRight(failure, hasCapability) : failure;
  };

  const restore = async (text: string, ...args: readonly string[]): Promise<void> => {
    const attempt = () =>
      iptables('restore', ['--noflush', `--wait=${lockWaitSeconds}`, ...args], text);
    const paths = lockDirectories.map((directory) => join(directory, 'xtables.lock'));
    for (const path of [undefined, ...paths]) {
      if (path !== undefined) lockEnv = { XTABLES_LOCKFILE: path };
      try {
        await attempt();
        return;
      } catch (error) {
        if (!(error instanceof InitFailure && error.kind === 'lock-file')) throw error;
      }
    }
    throw new InitFailure('lock-file', { paths: ['its usual place', ...paths].join(', ') });
  };

  const name = variant === 'nft' ? 'iptables' : 'iptables-legacy';
  return {
    name,
    priority: -100,
    toListing: toIptablesListing,
    async read() {
      // Asking legacy iptables for a table creates it, and other programs take that as a sign of use.
      const isUnused = variant === 'legacy' && (await readLegacyTables()).trim() === '';
      return toSnapshot(isUnused ? '' : await iptables('save', ['-c']), name);
    },
    dryRun: (ruleset) => restore(toRestoreText(ruleset, noLeftovers), '--test'),
    async replace(ruleset, { leftovers }) {
      const text = toRestoreText(ruleset, leftovers);
      if (text !== '') await restore(text);
    },
  };
}

/** What the output of `iptables-save -c` says of our rules, and of those around them. */
export function toSnapshot(text: string, name: BackendName): Snapshot {
  const saved = parseSave(text);
  const leftovers = toLeftovers(saved);
  const ours = saved.rules.filter(isOurs);
  return {
    isPresent: Object.values(leftovers).some(
      ({ chains, jumps }) => chains.length + jumps.length > 0,
    ),
    listing: toOwnListing(saved),
    redirectedPackets: ours
      .filter(({ chain }) => chain === 'AZWI_PROXY_REDIRECT')
      .reduce((total, { packets }) => total + packets, 0),
    lines: ours.map((rule) => `-t ${rule.table} ${toLine(rule)}`),
    outputLines: saved.rules
      .filter(({ table, chain }) => table === 'nat' && chain === 'OUTPUT')
      .map(toLine),
    chainNames: saved.chains.map(({ chain }) => chain),
    hooked: toHookedChains(saved, name),
    leftovers,
  };
}

function toLine({ chain, text }: SavedRule): string {
  return `-A ${chain} ${text}`;
}

/** Legacy iptables reports a missing table, or asks for root, if it may not open a raw socket. */
function withMissingRight(
  failure: InitFailure,
  hasCapability: IptablesOptions['hasCapability'],
): InitFailure {
  if (failure.kind !== 'no-netfilter' && failure.kind !== 'no-net-admin') return failure;
  if (!hasCapability('NET_ADMIN')) return new InitFailure('no-net-admin');
  return hasCapability('NET_RAW') ? failure : new InitFailure('legacy-no-net-raw');
}
