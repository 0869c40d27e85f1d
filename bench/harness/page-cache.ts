import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Takes a file's pages out of the page cache, so that the next reader gets them from disk and pays for them
 * in its own control group.
 * @throws Error when some stay, because the file is in use or lives in memory.
 */
export async function evict(file: string): Promise<void> {
  // GNU dd drops the cache of the whole file when it copies nothing with this flag.
  await run('dd', [
    `of=${file}`,
    'oflag=nocache',
    'conv=notrunc,fdatasync',
    'count=0',
    'status=none',
  ]);
  const { stdout } = await run('fincore', ['--bytes', '--noheadings', '--output', 'RES', file]);
  const resident = Number(stdout.trim());
  if (resident !== 0) throw new Error(`${resident} bytes of ${file} stay in the page cache`);
}
