import { execFileSync, type SpawnSyncReturns } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The programs that the redirect needs, each with its Debian package. */
const needs = {
  ip: 'iproute2',
  'iptables-nft-restore': 'iptables',
  unshare: 'util-linux',
  mount: 'mount',
} as const;

/**
 * Both ends of the only link are inside, so that nothing can leave. The default route, which a connection
 * needs before any rule applies to it, leads to an address that nobody has.
 */
const setUp = `
ip link set lo up
ip link add eth0 type veth peer name peer0
ip addr add 10.99.0.1/24 dev eth0
ip link set eth0 up
ip link set peer0 up
ip route add default via 10.99.0.254
`;

/**
 * Put this before a command to run it in a new network namespace, as a pod has one. The namespace has no name: it ends
 * with its last process, so nothing needs to be removed.
 */
export const inNewNamespace: readonly string[] = [
  ...['unshare', '--net', '--', 'sh', '-ec', `${setUp}exec "$@"`, 'sh'],
];

/** Why there can be no namespace with a redirect here; undefined if there can. */
export function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'the redirect is a feature of the Linux kernel';
  if (process.getuid?.() !== 0) return 'a network namespace needs root';
  for (const [program, debianPackage] of Object.entries(needs)) {
    if (!isInPath(program))
      return `${program} is not in the PATH (Debian package ${debianPackage})`;
  }
  const [unshare = '', ...args] = inNewNamespace;
  try {
    execFileSync(unshare, [...args, 'true'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 10_000,
    });
    return undefined;
  } catch (error) {
    const { stderr } = error as SpawnSyncReturns<Buffer>;
    return `no network namespace can be made (${String(stderr ?? '').trim() || String(error)})`;
  }
}

function isInPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
