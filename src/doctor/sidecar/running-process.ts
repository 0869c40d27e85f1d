import { stat } from 'node:fs/promises';
import { readSmallFile } from '../../shared/small-file.ts';
import { maxProcFileBytes } from './running-proxy.ts';

/** Facts about a process from /proc. */
export interface ProcessFacts {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** 0 if it was started from outside of this process namespace. */
  readonly parentPid: number | undefined;
  /** The capabilities that it may use, a bit each. */
  readonly capabilities: bigint | undefined;
  /** The kernel's letter: R, S, D, T (stopped), Z. */
  readonly state: string | undefined;
  /** Seconds since 1970. */
  readonly startedAtSeconds: number | undefined;
}

/** Clock ticks a second in /proc, fixed by the kernel's interface on all architectures that Node supports. */
const ticksPerSecond = 100;

export async function readProcess(pid: number, root = '/proc'): Promise<ProcessFacts> {
  const [status, line, system] = await Promise.all(
    [`${pid}/status`, `${pid}/stat`, 'stat'].map((file) =>
      readSmallFile(`${root}/${file}`, maxProcFileBytes).catch(() => ''),
    ),
  );
  // The name of the program is in parentheses and may hold anything.
  const columns = line?.slice(line.lastIndexOf(')') + 2).split(' ') ?? [];
  const bootAtSeconds = Number(/^btime (\d+)$/m.exec(system ?? '')?.[1]);
  const startedAtSeconds = Math.round(bootAtSeconds + Number(columns[19]) / ticksPerSecond);
  const toId = (name: string): number | undefined => {
    // Real, effective, saved and file system ids: sockets belong to the effective one.
    const value = new RegExp(`^${name}:\\s+\\d+\\s+(\\d+)`, 'm').exec(status ?? '')?.[1];
    return value === undefined ? undefined : Number(value);
  };
  const capabilities = /^CapPrm:\s+([\da-f]+)$/m.exec(status ?? '')?.[1];
  return {
    uid: toId('Uid'),
    gid: toId('Gid'),
    parentPid: columns[1] === undefined ? undefined : Number(columns[1]),
    capabilities: capabilities === undefined ? undefined : BigInt(`0x${capabilities}`),
    state: columns[0] === '' ? undefined : columns[0],
    startedAtSeconds: Number.isFinite(startedAtSeconds) ? startedAtSeconds : undefined,
  };
}

/**
 * When the sandbox of the pod was made, in seconds since 1970: the runtime writes these files then, and a
 * container that starts again gets the same ones.
 */
export async function findPodStart(
  files: readonly string[] = ['/etc/hostname', '/etc/resolv.conf'],
): Promise<number | undefined> {
  const times = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ mtimeMs }) => mtimeMs / 1_000,
        () => undefined,
      ),
    ),
  );
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
