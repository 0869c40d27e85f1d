import { chmod, mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmulator } from '../emulator.ts';
import type { Command } from './command.ts';

/** Where a program writes and what ends it. */
export interface Terminal {
  out(line: string): void;
  error(line: string): void;
  /** Resolves when the program must end. */
  readonly ended: Promise<void>;
}

/**
 * Runs an emulator until the terminal ends it. The ready line is the only one on standard
 * output.
 * @throws Error when it cannot start
 */
export async function serve(
  { options, logRequests }: Extract<Command, { readonly kind: 'serve' }>,
  terminal: Terminal,
): Promise<void> {
  const isTemporary = options.stateDirectory === undefined;
  const stateDirectory = options.stateDirectory ?? (await makeDirectory());
  const starting = createEmulator({
    ...options,
    stateDirectory,
    ephemeral: isTemporary || options.ephemeral,
    onRequest: (entry) => {
      if (logRequests) terminal.error(JSON.stringify(entry));
    },
    onError: (error) => terminal.error(`emulator: ${toMessage(error)}`),
  });
  const emulator = await starting.catch(async (error: unknown) => {
    if (isTemporary) await rmdir(stateDirectory).catch(() => undefined);
    throw error;
  });
  try {
    terminal.out(JSON.stringify({ ready: true, ...emulator.describe() }));
    await terminal.ended;
  } finally {
    await emulator.stop();
  }
}

export function toMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Readable by every user: a client may run as another one, and there is no secret but the token. */
async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'workload-identity-emulator-'));
  await chmod(directory, 0o755);
  return directory;
}
