import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { undoAtExit } from './at-exit.ts';

export interface Limits {
  /** CPU time per second of real time, as Kubernetes gives it: 100 is a tenth of a core. */
  readonly cpuMilli?: number;
  readonly memoryBytes?: number;
}

/** A control group with nothing in it yet. It can be left only when its processes have ended. */
export interface Cgroup extends AsyncDisposable {
  /** Files that a process writes its id to in order to join. */
  readonly procs: readonly string[];
}

/** Where the kernel's controllers are mounted: each in its own hierarchy (v1) or all in one (v2). */
export type CgroupMounts =
  | { readonly version: 2; readonly root: string }
  | { readonly version: 1; readonly cpu: string; readonly memory: string };

const periodUs = 100_000;

/**
 * Finds the controllers in `/proc/self/mounts`.
 * @param controllersOf the content of a v2 root's `cgroup.controllers`.
 * @returns a reason instead when one of them is missing.
 */
export function findCgroups(
  mounts: string,
  controllersOf: (root: string) => string,
): CgroupMounts | string {
  const entries = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, root = '', type = '', options = '']) => ({ root, type, options: options.split(',') }));
  const v1 = (name: string): string | undefined =>
    entries.find(({ type, options }) => type === 'cgroup' && options.includes(name))?.root;
  const cpu = v1('cpu');
  const memory = v1('memory');
  if (cpu !== undefined && memory !== undefined) return { version: 1, cpu, memory };
  const root = entries.find(({ type }) => type === 'cgroup2')?.root;
  if (root === undefined)
    return 'no cgroup file system with the cpu and memory controllers is mounted';
  const controllers = controllersOf(root).trim().split(' ');
  const missing = ['cpu', 'memory'].filter((name) => !controllers.includes(name));
  return missing.length === 0
    ? { version: 2, root }
    : `the cgroup file system at ${root} has no ${missing.join(' and no ')} controller`;
}

export type CreateCgroup = (limits: Limits) => Cgroup;

/** @returns a reason when this machine or this user cannot limit a process. */
export function openCgroups(): CreateCgroup | string {
  const mounts = findCgroups(readFileSync('/proc/self/mounts', 'utf8'), (root) =>
    readFileSync(join(root, 'cgroup.controllers'), 'utf8'),
  );
  if (typeof mounts === 'string') return mounts;
  let count = 0;
  const create: CreateCgroup = (limits) => {
    count += 1;
    return createCgroup(mounts, `imds-proxy-bench-${process.pid}-${count}`, limits);
  };
  try {
    if (mounts.version === 2) {
      writeFileSync(join(mounts.root, 'cgroup.subtree_control'), '+cpu +memory');
    }
    void create({ cpuMilli: 100, memoryBytes: 64 * 2 ** 20 })[Symbol.asyncDispose]();
  } catch (error) {
    return `control groups cannot be made: ${(error as Error).message}`;
  }
  return create;
}

function createCgroup(mounts: CgroupMounts, name: string, limits: Limits): Cgroup {
  const settings = toSettings(mounts, limits);
  const directories = [...new Set(settings.map(({ root }) => join(root, name)))];
  const undone = directories.map((directory) => {
    mkdirSync(directory);
    return undoAtExit(() => removeAtLast(directory));
  });
  for (const { root, file, value } of settings) writeFileSync(join(root, name, file), value);
  return {
    procs: directories.map((directory) => join(directory, 'cgroup.procs')),
    async [Symbol.asyncDispose]() {
      for (const directory of directories) await removeWhenEmpty(directory);
      for (const done of undone) done();
    },
  };
}

/** The files that set a limit, each with its content. */
export function toSettings(
  mounts: CgroupMounts,
  { cpuMilli, memoryBytes }: Limits,
): { readonly root: string; readonly file: string; readonly value: string }[] {
  const settings = [];
  if (cpuMilli !== undefined) {
    const quotaUs = (cpuMilli * periodUs) / 1000;
    if (mounts.version === 2) {
      settings.push({ root: mounts.root, file: 'cpu.max', value: `${quotaUs} ${periodUs}` });
    } else {
      settings.push({ root: mounts.cpu, file: 'cpu.cfs_period_us', value: String(periodUs) });
      settings.push({ root: mounts.cpu, file: 'cpu.cfs_quota_us', value: String(quotaUs) });
    }
  }
  if (memoryBytes !== undefined) {
    settings.push(
      mounts.version === 2
        ? { root: mounts.root, file: 'memory.max', value: String(memoryBytes) }
        : { root: mounts.memory, file: 'memory.limit_in_bytes', value: String(memoryBytes) },
    );
  }
  return settings;
}

/** Its processes have been killed, but the kernel needs a moment to take them out. */
async function removeWhenEmpty(directory: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || attempt === 100) throw error;
      await delay(50);
    }
  }
}

/** The same when nothing can be awaited any more. */
function removeAtLast(directory: string): void {
  const deadline = performance.now() + 1000;
  while (performance.now() < deadline) {
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    }
  }
}
