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
  // Nobody answers there, and the kernel says so at once; from a namespace without a way out, a name would
  // otherwise cost its program seconds.
  await writeFile(resolver, 'nameserver 127.0.0.1\n');
  // A mount namespace of its own.
  const mounts = `mount --bind '${hosts}' /etc/hosts && mount --bind '${resolver}' /etc/resolv.conf`;
  return ['unshare', '--mount', 'sh', '-c', `${mounts} && exec "$@"`, 'sh'];
}
