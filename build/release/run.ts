import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface RunOptions {
  readonly cwd?: string;
  /** Replaces variables of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** 5 minutes unless it says otherwise. */
  readonly timeoutMs?: number;
}

/**
 * Runs a program to its end.
 * @returns its standard output, without the spaces around.
 * @throws with the command and its output if it fails or takes too long.
 */
export async function run(
  [file = '', ...args]: readonly string[],
  { cwd, env, timeoutMs = 300_000 }: RunOptions = {},
): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(file, args, {
      ...(cwd !== undefined && { cwd }),
      env: { ...process.env, ...env },
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trim();
  } catch (error) {
    const {
      stdout = '',
      stderr = '',
      killed,
    } = error as {
      readonly stdout?: string;
      readonly stderr?: string;
      readonly killed?: boolean;
    };
    const reason = killed ? `not done after ${timeoutMs / 1_000} s` : 'failed';
    throw new Error(`${[file, ...args].join(' ')}: ${reason}\n${stdout}${stderr}`.trim());
  }
}
