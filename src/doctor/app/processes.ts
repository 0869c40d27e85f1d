import { basename } from 'node:path';
import { readProcess } from '../sidecar/running-process.ts';
import { listProcesses, readServingFlags, readWords } from '../sidecar/running-proxy.ts';

/** A process of the application, as every user of the container may see it. */
export interface AppProcess {
  readonly pid: number;
  /** The name of its program, such as `java`. */
  readonly program: string;
  readonly uid: number;
  /** May write packets itself, past the redirect. */
  readonly hasNetRaw: boolean;
  /** May change the redirect. */
  readonly hasNetAdmin: boolean;
}

/** Bits of the kernel's capability sets. */
const netAdmin = 1n << 12n;
const netRaw = 1n << 13n;

/**
 * The processes in sight that are not the doctor and its shell, the proxy, or the sandbox of the pod. A debug
 * container sees those of its target (`kubectl debug --target`), and only its own without one.
 * @param root stands in for /proc
 */
export async function listAppProcesses(
  root = '/proc',
  self = process.pid,
): Promise<readonly AppProcess[]> {
  const [pids, own] = await Promise.all([listProcesses(root), findAncestors(root, self)]);
  const found: AppProcess[] = [];
  for (const pid of pids) {
    const one = own.has(pid) ? undefined : await readAppProcess(root, pid);
    if (one !== undefined) found.push(one);
  }
  return found;
}

/** The process itself and those that started it, as far as they are in sight. */
async function findAncestors(root: string, self: number): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  for (let pid = self; pid > 0 && !found.has(pid); ) {
    found.add(pid);
    pid = (await readProcess(pid, root)).parentPid ?? 0;
  }
  return found;
}

async function readAppProcess(root: string, pid: number): Promise<AppProcess | undefined> {
  const [words, { uid, capabilities = 0n }, flags] = await Promise.all([
    readWords(`${root}/${pid}/cmdline`),
    readProcess(pid, root),
    readServingFlags(root, pid),
  ]);
  const program = basename(words?.[0] ?? '');
  const isSandbox = program === 'pause';
  // A thread of the kernel and a process that has ended have no command line.
  if (program === '' || isSandbox || flags !== undefined || uid === undefined) return undefined;
  return {
    pid,
    program,
    uid,
    hasNetRaw: (capabilities & netRaw) !== 0n,
    hasNetAdmin: (capabilities & netAdmin) !== 0n,
  };
}
