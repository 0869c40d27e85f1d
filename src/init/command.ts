import { type ChildProcess, spawn } from 'node:child_process';
import type { Logger } from '../shared/logger.ts';
import type { Environment } from '../shared/options.ts';

/** How a program ended. */
export interface CommandResult {
  /** Null where a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export interface CommandOptions {
  readonly input?: string;
  readonly deadlineMs: number;
  /** Added to the environment of this one program. */
  readonly env?: Environment;
}

/** Runs a program, never a shell. Rejects with Node's error where it could not be started. */
export type RunCommand = (
  file: string,
  args: readonly string[],
  options: CommandOptions,
) => Promise<CommandResult>;

/** @param env what the programs run in, PATH included; error texts are always in English. */
export function createRunCommand(env: Environment, log: Logger): RunCommand {
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
  { input, deadlineMs }: CommandOptions,
): Promise<CommandResult> {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
    });
  }
  // A program that refuses early closes its input before reading all of it; its exit code tells why.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      // Not waiting for its output to end: a program that it has started may hold on to that.
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve({ exitCode: null, ...output, timedOut: true });
    }, deadlineMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, ...output, timedOut: false });
    });
  });
}
