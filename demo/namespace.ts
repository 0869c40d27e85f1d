import { execFileSync, type SpawnSyncReturns } from 'node:child_process';

/** A network namespace: what a pod has, without its containers. */
export interface Namespace {
  readonly name: string;
  /** What to put before a command so that it runs inside. */
  readonly enter: readonly string[];
  remove(): void;
}

/** Why there can be no namespace with a redirect here; undefined if there can. */
export function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'the redirect is a feature of the Linux kernel';
  if (process.getuid?.() !== 0) return 'a network namespace needs root';
  for (const [command, debianPackage] of [
    ['ip', 'iproute2'],
    ['iptables-nft-restore', 'iptables'],
    ['setpriv', 'util-linux'],
  ] as const) {
    try {
      execFileSync(command, ['--version'], { stdio: 'ignore' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') continue;
      return `the command ${command} is missing (Debian package ${debianPackage})`;
    }
  }
  return undefined;
}

/**
 * Makes a namespace that nothing can leave: both ends of its only link are inside, and the default route,
 * which a connection needs before any rule applies to it, leads to an address that nobody has.
 * @throws an error with the words of `ip` if the kernel or a container runtime forbids it.
 */
export function createNamespace(name: string): Namespace {
  const ip = (...args: readonly string[]): void => run('ip', args);
  ip('netns', 'add', name);
  const remove = (): void => ip('netns', 'del', name);
  try {
    ip('-n', name, 'link', 'set', 'lo', 'up');
    ip('-n', name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'peer0');
    ip('-n', name, 'addr', 'add', '10.99.0.1/24', 'dev', 'eth0');
    ip('-n', name, 'link', 'set', 'eth0', 'up');
    ip('-n', name, 'link', 'set', 'peer0', 'up');
    ip('-n', name, 'route', 'add', 'default', 'via', '10.99.0.254');
  } catch (error) {
    remove();
    throw error;
  }
  return { name, enter: ['ip', 'netns', 'exec', name], remove };
}

function run(command: string, args: readonly string[]): void {
  try {
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    const { stderr } = error as SpawnSyncReturns<string>;
    throw new Error(`${command} ${args.join(' ')}: ${stderr?.trim() || String(error)}`);
  }
}
