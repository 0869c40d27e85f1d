import { readSmallFile } from '../../shared/small-file.ts';

/** What the kernel has counted for the container of a process. Undefined where it cannot be read. */
export interface CgroupFacts {
  readonly memoryLimitBytes: number | undefined;
  readonly memoryPeakBytes: number | undefined;
  /** Processes of the container that the kernel has killed for want of memory. */
  readonly oomKills: number | undefined;
  /** Share of the periods in which the CPU limit made the container wait, from 0 to 1. */
  readonly throttledShare: number | undefined;
}

export interface CgroupRoots {
  readonly proc: string;
  readonly cgroup: string;
}

const systemRoots: CgroupRoots = { proc: '/proc', cgroup: '/sys/fs/cgroup' };

/**
 * Reads cgroup v2 or v1. In a container, the root of the mount is usually the folder of its group, and the path
 * in `/proc/PID/cgroup` may be the one on the node, so both places are tried.
 */
export async function readCgroup(
  pid: number | 'self',
  { proc, cgroup }: CgroupRoots = systemRoots,
): Promise<CgroupFacts> {
  const groups = parseGroups(await readText(`${proc}/${pid}/cgroup`));
  const read = async (controller: 'memory' | 'cpu', file: string): Promise<string> => {
    const v1 = groups.get(controller) ?? '/';
    const v2 = groups.get('') ?? '/';
    const folders = [
      `${cgroup}${v2}`,
      `${cgroup}/${controller}${v1}`,
      // Two controllers often share a folder.
      `${cgroup}/cpu,cpuacct${v1}`,
      cgroup,
      `${cgroup}/${controller}`,
    ];
    for (const folder of folders) {
      const text = await readText(`${folder}/${file}`);
      if (text !== '') return text;
    }
    return '';
  };
  const first = async (
    controller: 'memory' | 'cpu',
    ...files: readonly string[]
  ): Promise<string> => {
    for (const file of files) {
      const text = await read(controller, file);
      if (text !== '') return text;
    }
    return '';
  };
  const [limit, peak, events, cpu] = await Promise.all([
    first('memory', 'memory.max', 'memory.limit_in_bytes'),
    first('memory', 'memory.peak', 'memory.max_usage_in_bytes'),
    first('memory', 'memory.events', 'memory.oom_control'),
    read('cpu', 'cpu.stat'),
  ]);
  return {
    memoryLimitBytes: toLimit(limit),
    memoryPeakBytes: toNumber(peak),
    oomKills: findCount(events, 'oom_kill'),
    throttledShare: toShare(findCount(cpu, 'nr_throttled'), findCount(cpu, 'nr_periods')),
  };
}

/** The path of each v1 controller; that of v2 has no name. */
function parseGroups(text: string): ReadonlyMap<string, string> {
  const groups = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const controller of controllers?.split(',') ?? []) groups.set(controller, path ?? '/');
  }
  return groups;
}

/** v2 says `max` for no limit; v1 has a number beyond any machine's memory. */
function toLimit(text: string): number | undefined {
  const bytes = toNumber(text);
  return bytes === undefined || bytes > 2 ** 50 ? undefined : bytes;
}

function toNumber(text: string): number | undefined {
  return /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

function findCount(text: string, name: string): number | undefined {
  const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

function toShare(part: number | undefined, all: number | undefined): number | undefined {
  return part === undefined || all === undefined || all === 0 ? undefined : part / all;
}

/** More than any of these files has. */
const maxFileBytes = 64 * 1_024;

/** Empty if it cannot be read. */
async function readText(path: string): Promise<string> {
  return readSmallFile(path, maxFileBytes).catch(() => '');
}
