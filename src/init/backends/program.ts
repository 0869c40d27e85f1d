import { type ChildProcess, spawn } from 'node:child_process';
import type { Logger } from '../../shared/logger.ts';
import type { Environment } from '../../shared/options.ts';
import { type FailureKind, InitFailure } from '../failures.ts';

/** How a program ended. */
export interface ProgramResult {
  /** Null if a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it was killed: it ran too long, or said too much. */
  readonly killed?: 'timeout' | 'output';
}

export interface ProgramOptions {
  readonly input?: string;
  readonly deadlineMs: number;
  /** Added to the environment of this one program. */
  readonly env?: Environment;
}

/** Runs a program, never a shell. Rejects with Node's error if it could not be started. */
export type RunProgram = (
  file: string,
  args: readonly string[],
  options: ProgramOptions,
) => Promise<ProgramResult>;

/** How long a program may take, without the time that it waits for the xtables lock. */
export const programDeadlineMs = 10_000;

/** A listing of the rules of any pod is far smaller; that of a large node is not read. */
export const mostCharacters = 8_388_608;

/** @param env the environment of the programs, PATH included; error texts are always in English. */
export function createRunProgram(env: Environment, log: Logger): RunProgram {
  return async (file, args, options) => {
    const startedAt = performance.now();
    const child = spawn(file, args, { env: { ...env, ...options.env, LC_ALL: 'C' } });
    const result = await collect(child, options);
    log.log('debug', 'command finished', {
      command: [file, ...args].join(' '),
      input: options.input,
      exit_code: result.exitCode ?? undefined,
      stderr: result.stderr.trim(),
      duration_ms: Math.round(performance.now() - startedAt),
    });
    return result;
  };
}

function collect(
  child: ChildProcess,
  { input, deadlineMs }: ProgramOptions,
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const output = { stdout: '', stderr: '' };
    const kill = (killed: 'timeout' | 'output'): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      // Not waiting for its output to end: a program that it has started may keep that open.
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve({ exitCode: null, ...output, killed });
    };
    const timer = setTimeout(() => kill('timeout'), deadlineMs);
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
        output[name] += chunk;
        if (output[name].length > mostCharacters) kill('output');
      });
    }
    // A program that refuses early closes its input before reading all of it; its exit code tells why.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, ...output });
    });
  });
}

/** What a program prints when it fails; the first row that matches counts. */
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
export function toProgramFailure(file: string, { stderr, killed }: ProgramResult): InitFailure {
  const text = killed === undefined ? oneLine(stderr) : `${file} ${killedTexts[killed]}`;
  const kind = symptoms.find(({ pattern }) => pattern.test(text))?.kind ?? 'rejected';
  return new InitFailure(kind, { stderr: text });
}

const killedTexts = {
  timeout: 'did not end in time',
  output: 'listed more rules than a pod has',
} as const;

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
