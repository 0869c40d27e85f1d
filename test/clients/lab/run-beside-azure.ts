import { startServices } from './azure.ts';
import type { Pod } from './pod.ts';
import { runAmongNames } from './run-among-names.ts';
import type { ProgramOutcome } from './run-program.ts';

/** Runs a program with Azure's services on this namespace's port 443, whose names and CA it is made to know. */
export async function runBesideAzure(
  { emulator }: Pod,
  command: readonly string[],
  home: string,
): Promise<readonly ProgramOutcome[]> {
  await using services = await startServices(emulator);
  return await runAmongNames(services, command, { home });
}
