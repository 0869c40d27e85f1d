import { spawn } from 'node:child_process';
import { getHeapStatistics } from 'node:v8';
import { writeStderr } from './stderr.ts';

/** Enough for the largest input (256 MiB), whose values are read one document at a time. */
export const HEAP_MEGABYTES = 2_048;
const heapFlags = [`--max-old-space-size=${HEAP_MEGABYTES}`, '--max-semi-space-size=4'];

/**
 * Runs a command that may read the manifests of a whole cluster. The program starts with the heap of the server, which
 * is smaller than such a dump, and V8 fixes its size at the start: the program therefore runs again as a child with a
 * larger one.
 * @param argv the name of the command and its arguments.
 * @returns the exit code; 1 if the memory does not suffice, with a message on standard error.
 */
export async function runWithLargeHeap(
  argv: readonly string[],
  command: () => Promise<number>,
): Promise<number> {
  return hasLargeHeap() ? command() : runInChild(argv);
}

function hasLargeHeap(): boolean {
  const isChild = heapFlags.every((flag) => process.execArgv.includes(flag));
  return isChild || getHeapStatistics().heap_size_limit > 256 * 1_024 * 1_024;
}

function runInChild(argv: readonly string[]): Promise<number> {
  const [, program = ''] = process.argv;
  const flags = process.execArgv.filter((flag) => !/^--max-(?:old|semi)-space-size/.test(flag));
  // It has the same streams. Its deadline is that of its input: it ends when that does.
  const child = spawn(process.execPath, [...flags, ...heapFlags, program, ...argv], {
    stdio: 'inherit',
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      // V8 aborts when the heap is full; the kernel kills when the memory of the container is.
      if (signal === 'SIGABRT' || signal === 'SIGKILL') writeStderr(`proxy: ${tooLarge}\n`);
      resolve(code ?? 1);
    });
  });
}

const tooLarge = `the input does not fit into the memory (at most ${HEAP_MEGABYTES} MiB, less in a container with a lower limit); pass one namespace at a time`;
