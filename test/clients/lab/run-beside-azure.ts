import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withHosts } from '../../../demo/with-hosts.ts';
import { startServices } from './azure.ts';
import type { Pod } from './pod.ts';
import { type ProgramOutcome, runProgram } from './run-program.ts';

/** Runs a program with Azure's services on this namespace's port 443, whose names and CA it is made to know. */
export async function runBesideAzure(
  { emulator }: Pod,
  command: readonly string[],
  home: string,
): Promise<readonly ProgramOutcome[]> {
  await using services = await startServices(emulator);
  const caFile = join(home, 'azure-ca.crt');
  await writeFile(caFile, services.caPem);
  const through = await withHosts(home, services.hosts);
  return await runProgram([...through, ...command], {
    home,
    // Each runtime has a variable of its own for this.
    extraEnv: { NODE_EXTRA_CA_CERTS: caFile, REQUESTS_CA_BUNDLE: caFile, SSL_CERT_FILE: caFile },
  });
}
