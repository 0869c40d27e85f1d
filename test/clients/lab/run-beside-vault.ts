import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from './pod.ts';
import { type ProgramOutcome, runProgram } from './run-program.ts';
import { startVault, vaultHost } from './vault.ts';

/** Runs a program with a vault on this namespace's port 443, whose name and CA the program is made to know. */
export async function runBesideVault(
  { emulator }: Pod,
  command: readonly string[],
  home: string,
): Promise<readonly ProgramOutcome[]> {
  await using vault = await startVault(emulator);
  const [caFile, hostsFile] = [join(home, 'vault-ca.crt'), join(home, 'hosts')];
  await writeFile(caFile, vault.caPem);
  await writeFile(hostsFile, `127.0.0.1 localhost ${vaultHost}\n`);
  // A mount namespace, so that only this program sees the file of hosts.
  const mount = `mount --bind '${hostsFile}' /etc/hosts && exec "$@"`;
  return await runProgram(['unshare', '--mount', 'sh', '-c', mount, 'sh', ...command], {
    home,
    // Each runtime has a variable of its own for this.
    extraEnv: { NODE_EXTRA_CA_CERTS: caFile, REQUESTS_CA_BUNDLE: caFile, SSL_CERT_FILE: caFile },
  });
}
