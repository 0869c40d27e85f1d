import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** The path of a named pipe in a folder. Whoever reads it gets nothing and an end, rather than wait forever. */
export function pipeIn(folder: string): string {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const writer = spawn('sh', ['-c', ': > "$0"', path], { stdio: 'ignore' });
  onTestFinished(() => void writer.kill());
  return path;
}
