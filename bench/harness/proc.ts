import { readdirSync, readFileSync } from 'node:fs';
import {
  type MemoryUse,
  parseOnCpuNs,
  parseParentPid,
  parseRssAnonBytes,
  parseSmapsRollup,
  parseVoluntarySwitches,
} from './proc-text.ts';

/** A process and all that descend from it, the root first. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of pids('/proc')) {
    const stat = readIfThere(`/proc/${pid}/stat`);
    if (stat === undefined) continue;
    const parent = parseParentPid(stat);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** Memory of a whole process tree. */
export function memoryOf(root: number): MemoryUse & { readonly processes: number } {
  const uses = processTree(root).flatMap((pid) => {
    const text = readIfThere(`/proc/${pid}/smaps_rollup`);
    return text === undefined ? [] : [parseSmapsRollup(text)];
  });
  if (uses.length === 0) throw new Error(`process ${root} has gone`);
  return {
    processes: uses.length,
    anonymousBytes: uses.reduce((sum, use) => sum + use.anonymousBytes, 0),
    proportionalBytes: uses.reduce((sum, use) => sum + use.proportionalBytes, 0),
  };
}

/** Anonymous memory of a whole process tree, read cheaply enough to sample every few milliseconds. */
export function rssAnonOf(root: number): number {
  let bytes = 0;
  for (const pid of processTree(root)) {
    const status = readIfThere(`/proc/${pid}/status`);
    // A process that is just ending has no memory any more and no such line.
    if (status?.includes('RssAnon:')) bytes += parseRssAnonBytes(status);
  }
  return bytes;
}

/** Nanoseconds on a CPU of all threads of all processes of a tree. A thread that ended is not counted. */
export function onCpuNsOf(root: number): number {
  return sumOverThreads(root, 'schedstat', parseOnCpuNs);
}

/** Voluntary context switches of all threads of all processes of a tree. */
export function voluntarySwitchesOf(root: number): number {
  return sumOverThreads(root, 'status', parseVoluntarySwitches);
}

function sumOverThreads(root: number, file: string, parse: (text: string) => number): number {
  let sum = 0;
  for (const pid of processTree(root)) {
    for (const thread of pids(`/proc/${pid}/task`)) {
      const text = readIfThere(`/proc/${pid}/task/${thread}/${file}`);
      if (text !== undefined) sum += parse(text);
    }
  }
  return sum;
}

function pids(directory: string): number[] {
  try {
    return readdirSync(directory).map(Number).filter(Number.isSafeInteger);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** @returns undefined when the process or thread has ended meanwhile. */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8') || undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}
