/** The namespaces that a run lives in. They have no names and end with their last process, so nothing stays behind. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { constants } from 'node:os';
import { makeSharedFolder } from '../../demo/shared-folder.ts';

/** The programs that a run needs, each with its Debian package. */
const needs = {
  unshare: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  ip: 'iproute2',
  tc: 'iproute2',
  nft: 'nftables',
  'iptables-nft-restore': 'iptables',
} as const;

/**
 * Own network, mounts and processes. The first process inside is the init of its PID namespace: when it or `unshare`
 * ends, however it ends, the kernel ends all the others. `setpriv` passes our own end on to `unshare`.
 */
const enter = [
  ...['setpriv', '--pdeathsig', 'KILL', '--'],
  ...['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--'],
];

/** Uses the parts of the kernel that not every kernel has. */
const attempt = `
tc qdisc add dev lo root tbf rate 24kbit burst 2000 latency 3s
nft 'add table inet t; add chain inet t c { type filter hook output priority 0 ; }'
nft 'add rule inet t c tcp dport 443 numgen random mod 2 == 0 drop'
nft 'add rule inet t c tcp dport 443 reject with tcp reset'
ip link add eth0 type veth peer name peer0
`;

const insideVariable = 'CHAOS_FOLDER';

/** Why there can be no such namespaces here; undefined if there can. */
export function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a feature of the Linux kernel';
  if (process.getuid?.() !== 0) return 'a network namespace needs root';
  for (const [program, debianPackage] of Object.entries(needs)) {
    const { status } = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]);
    if (status !== 0) return `${program} is not in the PATH (Debian package ${debianPackage})`;
  }
  const [command = '', ...args] = enter;
  const { status, stderr } = spawnSync(command, [...args, 'sh', '-ec', attempt], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `no namespace can be made and used: ${stderr.trim()}`;
}

/** The folder of a process that runs inside; undefined outside. Every user can enter it. */
export function findFolder(): string | undefined {
  return process.env[insideVariable];
}

/**
 * Runs this program again with these arguments, in new namespaces and with a new folder, and removes the folder. A signal
 * ends everything inside.
 * @returns the exit code
 */
export async function runInside(args: readonly string[]): Promise<number> {
  const folder = makeSharedFolder('imds-proxy-chaos-');
  const [command = '', ...rest] = [...enter, process.execPath, process.argv[1] ?? '', ...args];
  const child = spawn(command, rest, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, [insideVariable]: folder },
    // Ctrl-C reaches this process alone, which then ends the others.
    detached: true,
  });
  let interruption: NodeJS.Signals | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      interruption = signal;
      child.kill('SIGKILL');
    });
  }
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    if (interruption !== undefined) return 128 + constants.signals[interruption];
    return code ?? 1;
  } finally {
    // Processes inside may still be writing while the kernel ends them.
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}
