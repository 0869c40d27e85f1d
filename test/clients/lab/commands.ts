import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Command } from './ecosystem.ts';

const execute = promisify(execFile);

/** Runs one after the other. @throws with what the first that fails has said on either output */
export async function runAll(
  commands: readonly Command[],
  directory: string,
  deadlineMs: number,
): Promise<void> {
  for (const [program, ...args] of commands) {
    try {
      await execute(program, args, { cwd: directory, timeout: deadlineMs });
    } catch (error) {
      // Maven says what is wrong on its standard output.
      const { message, stdout = '' } = error as Error & { readonly stdout?: string };
      throw new Error(`${message}\n${stdout}`.trim().slice(0, 2_000));
    }
  }
}

export function isOnThisMachine(tool: string): Promise<boolean> {
  return execute('sh', ['-c', `command -v ${tool}`]).then(
    () => true,
    () => false,
  );
}
