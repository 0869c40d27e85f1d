import { type Launched, launch } from './launch.ts';
import { freePort } from './ports.ts';

/** The variable that names the binary of the Go proxy of Azure/azure-workload-identity, to compare with. */
export const upstreamVariable = 'UPSTREAM_PROXY';

/**
 * That proxy in the pod of the emulator, waiting for its exec. It reads CAs from SSL_CERT_FILE, as Go does.
 * @param env of the pod, with NODE_EXTRA_CA_CERTS
 */
export async function prepareUpstream(
  binary: string,
  env: Readonly<Record<string, string>>,
): Promise<Launched & { readonly port: number }> {
  const port = await freePort();
  const launched = await launch({
    command: [binary, `--proxy-port=${port}`, '--log-level=info'],
    env: { ...env, SSL_CERT_FILE: env['NODE_EXTRA_CA_CERTS'] ?? '' },
  });
  return { ...launched, port };
}
