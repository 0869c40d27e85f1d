import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** A projected token has one to four KiB; Entra refuses far less than this. */
const MAX_BYTES = 64 * 1_024;

/**
 * Reads a regular file of at most 64 KiB as UTF-8.
 * @throws an error with a `code` as Node's own; EISDIR, EFBIG and EINVAL (a device, a pipe) included.
 */
export async function readSmallFile(path: string): Promise<string> {
  // Without O_NONBLOCK, opening a named pipe waits for its writer and holds a thread of the pool for good.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) throw withCode('EISDIR');
    if (!stats.isFile()) throw withCode('EINVAL');
    if (stats.size > MAX_BYTES) throw withCode('EFBIG');
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function withCode(code: 'EISDIR' | 'EINVAL' | 'EFBIG'): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}
