import { spawn } from 'node:child_process';
import { getHeapStatistics } from 'node:v8';

export type FileCommand = 'inject' | 'uninject' | 'migrate';

/** Enough for the largest input (256 MiB), whose values are read one document at a time. */
const heapMegabytes = 2_048;
const heapFlags = [`--max-old-space-size=${heapMegabytes}`, '--max-semi-space-size=4'];

/**
 * Runs a command that works on files. The program starts with the heap of the server, which is smaller than the dump of a
 * cluster, and V8 fixes its size at the start: the command therefore runs in a process with a larger one.
 * @returns the exit code.
 */
export async function runFileCommand(name: FileCommand, argv: readonly string[]): Promise<number> {
  if (!hasLargeHeap()) return runInChild([name, ...argv]);
  if (name === 'migrate') {
    const { runMigrateCommand } = await import('../../migrate/command.ts');
    return runMigrateCommand(argv);
  }
  const { runInjectCommand } = await import('../../inject/command.ts');
  return runInjectCommand(name, argv);
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
