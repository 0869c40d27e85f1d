import { join } from 'node:path';
import type { Environment } from '../shared/options.ts';
import { type Backend, noLeftovers } from './backend.ts';
import type { Capability } from './capabilities.ts';
import type { RunCommand } from './command.ts';
import { toCommandFailure, toSpawnFailure } from './diagnosis.ts';
import { InitFailure } from './failures.ts';
import { parseSave, toRestoreText } from './iptables-text.ts';

/** The two programs that share the name iptables. */
export type IptablesVariant = 'nft' | 'legacy';

export interface IptablesOptions {
  readonly lockWaitSeconds: number;
  /** Where a lock file may go if the usual place cannot be written, in order of preference. */
  readonly lockDirectories: readonly string[];
  /** The text of /proc/net/ip_tables_names, which lists this namespace's legacy tables; empty if none. */
  readonly readLegacyTables: () => Promise<string>;
  readonly hasCapability: (name: Capability) => boolean;
}

const deadlineMs = 10_000;

/** Rules through `iptables-save` and `iptables-restore --noflush`, which is atomic per table. */
export function createIptablesBackend(
  variant: IptablesVariant,
  run: RunCommand,
  { lockWaitSeconds, lockDirectories, readLegacyTables, hasCapability }: IptablesOptions,
): Backend {
  let lockEnv: Environment = {};

  const iptables = async (tool: string, args: readonly string[], input = ''): Promise<string> => {
    const file = `iptables-${variant}-${tool}`;
    const result = await run(file, args, {
      input,
      env: lockEnv,
      deadlineMs: deadlineMs + lockWaitSeconds * 1_000,
    }).catch((error: unknown) => {
      throw toSpawnFailure(file, error);
    });
    if (result.exitCode === 0) return result.stdout;
    const failure = toCommandFailure(file, result);
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

  return {
    name: variant === 'nft' ? 'iptables' : 'iptables-legacy',
    async read() {
      // Asking legacy iptables for a table creates it, and other programs take that for a sign of use.
      if (variant === 'legacy' && (await readLegacyTables()).trim() === '') return parseSave('');
      return parseSave(await iptables('save', ['-c']));
    },
    dryRun: (ruleset) => restore(toRestoreText(ruleset, noLeftovers), '--test'),
    async replace(ruleset, { leftovers }) {
      const text = toRestoreText(ruleset, leftovers);
      if (text !== '') await restore(text);
    },
  };
}

/** Legacy iptables speaks of a missing table, or of root, where it may not open a raw socket. */
function withMissingRight(
  failure: InitFailure,
  hasCapability: IptablesOptions['hasCapability'],
): InitFailure {
  if (failure.kind !== 'no-netfilter' && failure.kind !== 'no-net-admin') return failure;
  if (!hasCapability('NET_ADMIN')) return new InitFailure('no-net-admin');
  return hasCapability('NET_RAW') ? failure : new InitFailure('legacy-no-net-raw');
}
