import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServerIdentity } from '../../../src/emulator/tls/throwaway-ca.ts';
import { runAmongNames } from './run-among-names.ts';
import type { ProgramOutcome } from './run-program.ts';

/**
 * Runs a program that is the service as well: its library shows the token to that, and hands it to nobody else.
 * @param hosts the names of the service, for which the program has a certificate that its library trusts
 */
export async function runAsService(
  hosts: readonly string[],
  command: readonly string[],
  home: string,
): Promise<readonly ProgramOutcome[]> {
  const names = [...hosts, 'localhost', '127.0.0.1'];
  const { caPem, certificatePem, privateKeyPem } = await createServerIdentity(names, Date.now());
  const file = join(home, 'service.pem');
  await writeFile(file, `${certificatePem}\n${privateKeyPem}\n`, { mode: 0o600 });
  const extraEnv = { SERVICE_CERTIFICATE: file };
  return await runAmongNames({ hosts, caPem }, command, { home, extraEnv });
}
