import type { CommandResult } from './command.ts';
import { type FailureKind, InitFailure } from './failures.ts';

/** What a program says when it fails, read from its error output; the first row that matches counts. */
const symptoms: readonly { readonly pattern: RegExp; readonly kind: FailureKind }[] = [
  { pattern: /holding the xtables lock/, kind: 'lock-held' },
  { pattern: /can't open lock file/, kind: 'lock-file' },
  { pattern: /Permission denied|Operation not permitted|must be root/, kind: 'no-net-admin' },
  // The netlink family is missing, or nfnetlink is there and knows no nf_tables.
  {
    pattern:
      /Protocol not supported|(?:cache initialization failed|generation id|Netlink socket).*: (?:Invalid argument|Operation not supported)/,
    kind: 'no-netfilter',
  },
  {
    pattern: /iptables who\?|Table does not exist|unable to initialize table/,
    kind: 'no-netfilter',
  },
  {
    pattern:
      /missing kernel module|(?:RULE_(?:APPEND|INSERT)|CHAIN_ADD|TABLE_ADD) failed \((?:No such file|Operation not supported)|process rule: (?:No such file|Operation not supported|Protocol not supported)/,
    kind: 'missing-module',
  },
];

/** Why a program failed. Legacy iptables says the same for a missing right and a missing kernel part. */
export function toCommandFailure(file: string, { stderr, timedOut }: CommandResult): InitFailure {
  const text = timedOut ? `${file} did not come to an end` : oneLine(stderr);
  const kind = symptoms.find(({ pattern }) => pattern.test(text))?.kind ?? 'rejected';
  return new InitFailure(kind, { stderr: text });
}

/** Why a program could not be started. Programs with file capabilities refuse with EPERM. */
export function toSpawnFailure(file: string, error: unknown): InitFailure {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') {
    return new InitFailure('no-binary', { binaries: `${file} is` }, { cause: error });
  }
  if (code === 'EPERM' || code === 'EACCES') {
    return new InitFailure('no-net-admin', {}, { cause: error });
  }
  return new InitFailure('unexpected', { error: `${file}: ${code}` }, { cause: error });
}

function oneLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').join('; ') || 'no reason given';
}
