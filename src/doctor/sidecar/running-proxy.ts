import { readdir, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Environment } from '../../shared/options.ts';
import { readSmallFile } from '../../shared/small-file.ts';

/** A process that serves tokens. */
export interface RunningProxy {
  readonly pid: number;
  /** Its flags, as they were given. */
  readonly argv: readonly string[];
  /** Its environment when it started; undefined if this user may not read it. */
  readonly env: Environment | undefined;
}

/** Which proxy is meant. */
export type FoundProxy =
  | { readonly kind: 'found'; readonly proxy: RunningProxy }
  | { readonly kind: 'none' }
  | { readonly kind: 'several'; readonly pids: readonly number[] };

/** The kernel limits a command line and an environment to 2 MiB in all, an argument to 128 KiB. */
export const maxProcFileBytes = 2 * 1_048_576;

/** More processes than any pod has. */
export const maxProcesses = 4_096;

/**
 * Finds the proxy of this network namespace by looking at the processes in sight. In its own container it is
 * process 1, unless the containers of the pod share their processes. Its flags and variables are read from
 * `/proc`, not taken from this process: those of `kubectl exec` lack the flags, and those of a debug container
 * are another container's.
 * @param root stands in for /proc
 */
export async function findRunningProxy(wantedPid?: number, root = '/proc'): Promise<FoundProxy> {
  const pids = wantedPid === undefined ? await listProcesses(root) : [wantedPid];
  const here = await findNamespace(root, 'self');
  const found: RunningProxy[] = [];
  for (const pid of pids) {
    const argv = await readServingFlags(root, pid);
    if (argv === undefined) continue;
    const namespace = await findNamespace(root, pid);
    const isHere = namespace === undefined || here === undefined || namespace === here;
    if (wantedPid === undefined && !isHere) continue;
    found.push({ pid, argv, env: await readEnvironment(root, pid) });
  }
  const [first, ...others] = found;
  if (first === undefined) return { kind: 'none' };
  if (others.length > 0) return { kind: 'several', pids: found.map(({ pid }) => pid) };
  return { kind: 'found', proxy: first };
}

/** The processes in sight without this one, by number. */
export async function listProcesses(root: string): Promise<readonly number[]> {
  const names = await readdir(root).catch(() => []);
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid)
    .toSorted((a, b) => a - b)
    .slice(0, maxProcesses);
}

/** @returns the flags; undefined if the process is not a proxy that serves */
export async function readServingFlags(
  root: string,
  pid: number,
): Promise<readonly string[] | undefined> {
  const words = await readWords(`${root}/${pid}/cmdline`);
  const [program = '', ...args] = words ?? [];
  if (!basename(program).startsWith('node')) return undefined;
  const at = args.findIndex((arg) => !arg.startsWith('-'));
  if (at === -1 || basename(args[at] ?? '') !== 'proxy') return undefined;
  const [command = '', ...rest] = args.slice(at + 1);
  const flags = command === 'serve' ? rest : args.slice(at + 1);
  const isServing = command === '' || command === 'serve' || command.startsWith('-');
  const isOther = flags.some((flag) => /^--?(?:probe|version|help|h)(?:=|$)/.test(flag));
  return isServing && !isOther ? flags : undefined;
}

async function readEnvironment(root: string, pid: number): Promise<Environment | undefined> {
  const words = await readWords(`${root}/${pid}/environ`);
  if (words === undefined) return undefined;
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      return at === -1 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/** What stands between zeros in a file of /proc; undefined if it cannot be read. */
export async function readWords(path: string): Promise<readonly string[] | undefined> {
  try {
    const text = await readSmallFile(path, maxProcFileBytes);
    return text.replace(/\0$/, '').split('\0');
  } catch {
    return undefined;
  }
}

/** Names a network namespace; undefined for a process of another user. */
async function findNamespace(root: string, pid: number | 'self'): Promise<string | undefined> {
  return readlink(`${root}/${pid}/ns/net`).catch(() => undefined);
}
