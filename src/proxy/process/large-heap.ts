import { spawn } from 'node:child_process';
import { getHeapStatistics } from 'node:v8';

/** Enough for the largest input (256 MiB), whose values are read one document at a time. */
export const HEAP_MEGABYTES = 2_048;
const heapFlags = [`--max-old-space-size=${HEAP_MEGABYTES}`, '--max-semi-space-size=4'];

/**
 * Runs this program again with a larger heap, for a command that works on files. The program starts with the heap of
 * the server, which is smaller than the dump of a cluster, and V8 fixes its size at the start.
 * @param argv the name of the command and its arguments.
 * @returns its exit code; undefined if the heap is large already.
 */
export async function rerunWithLargeHeap(argv: readonly string[]): Promise<number | undefined> {
  return hasLargeHeap() ? undefined : runInChild(argv);
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
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
