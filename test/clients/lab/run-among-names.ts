import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withHosts } from '../../../demo/with-hosts.ts';
import { type ProgramOutcome, runProgram } from './run-program.ts';

/** Where libraries of C and C++ look for CAs, if no variable reaches them. */
const systemBundle = '/etc/ssl/certs/ca-certificates.crt';

export interface Names {
  /** They lead to loopback, and no other name leads anywhere. */
  readonly hosts: readonly string[];
  /** The only CA that the program trusts. */
  readonly caPem: string;
}

/** Runs a program in a mount namespace where names and the system's CAs are others than outside. */
export async function runAmongNames(
  { hosts, caPem }: Names,
  command: readonly string[],
  { home, extraEnv = {} }: { readonly home: string; readonly extraEnv?: Record<string, string> },
): Promise<readonly ProgramOutcome[]> {
  const caFile = join(home, 'ca.crt');
  await writeFile(caFile, caPem);
  const among = await withHosts(home, hosts);
  const mount = `! test -e ${systemBundle} || mount --bind '${caFile}' ${systemBundle}`;
  const trusting = ['sh', '-c', `${mount}; exec "$@"`, 'sh'];
  return await runProgram([...among, ...trusting, ...command], {
    home,
    // Each runtime reads another variable.
    extraEnv: {
      NODE_EXTRA_CA_CERTS: caFile,
      REQUESTS_CA_BUNDLE: caFile,
      SSL_CERT_FILE: caFile,
      CURL_CA_BUNDLE: caFile,
      ...extraEnv,
    },
  });
}
