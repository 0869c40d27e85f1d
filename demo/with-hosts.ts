import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes, into `directory`, files by which `names` lead to loopback and no other name leads anywhere.
 * @returns what to put before a command, so that this program alone resolves names by them; takes root
 */
export async function withHosts(
  directory: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const [hosts, resolver] = [join(directory, 'hosts'), join(directory, 'resolv.conf')];
  await writeFile(hosts, `127.0.0.1 localhost ${names.join(' ')}\n`);
  // Nothing listens there, and the kernel refuses at once. Without this, each look-up of a name would wait for
  // seconds in a namespace without a network.
  await writeFile(resolver, 'nameserver 127.0.0.1\n');
  // In a new mount namespace.
  const mounts = `mount --bind '${hosts}' /etc/hosts && mount --bind '${resolver}' /etc/resolv.conf`;
  return ['unshare', '--mount', 'sh', '-c', `${mounts} && exec "$@"`, 'sh'];
}
