/** Programs that run the proxy and write down its system calls. */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Tracer {
  /** What runs a script of Node: the tracer, and Node behind it. @param file begins the names of the files that it writes */
  command(file: string): readonly string[];
  /** The traced process. */
  pidOf(child: ChildProcess): number;
  /** The names of the calls in a file that it wrote. */
  readNames(text: string): readonly string[];
  /** Version of the traced Node. */
  readonly node: string;
}

export const strace: Tracer = {
  // One file for each thread: calls that were interrupted stay whole.
  command: (file) => ['strace', '-ff', '-qq', '-o', file, process.execPath],
  // strace passes no signal on.
  pidOf: ({ pid }) =>
    Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]),
  // Lines such as `openat(AT_FDCWD, …) = 3`.
  readNames: (text) => [...text.matchAll(/^(\w+)\(/gm)].map(([, name = '']) => name),
  node: process.version,
};

/** Calls by their number on arm64 that qemu does not have. The program that makes one gets ENOSYS. */
const unknownToQemu: Readonly<Record<string, string>> = {
  293: 'rseq',
  425: 'io_uring_setup',
  435: 'clone3',
  439: 'faccessat2',
};

/**
 * Runs Node for arm64 under qemu, which writes down the calls of the program that it runs, not its own.
 * @param root folder with the root file system of an arm64 image: Node, and the C libraries
 */
export function createQemuTracer(root: string): Tracer {
  const run = ['qemu-aarch64-static', '-L', root];
  const node = join(root, 'usr/local/bin/node');
  return {
    command: (file) => [...run, '-strace', '-D', file, node],
    pidOf: ({ pid = 0 }) => pid,
    // Lines such as `71 openat(AT_FDCWD,…) = 3` and `71 Unknown syscall 293`. Those of several threads are mixed.
    readNames: (text) =>
      [...text.matchAll(/\b\d+ (?:([a-z]\w*)\(|Unknown syscall (\d+))/g)].map(
        ([, name, number = '']) => name ?? unknownToQemu[number] ?? `unknown ${number}`,
      ),
    node: execFileSync(run[0] ?? '', [...run.slice(1), node, '--version'], {
      encoding: 'utf8',
    }).trim(),
  };
}
