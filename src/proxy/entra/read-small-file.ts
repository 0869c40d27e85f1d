// The promise flavour of node:fs takes 2 ms to load.
import { close, constants, fstat, open, readFile } from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);
const statFile = promisify(fstat);
const readText = promisify(readFile);
const closeFile = promisify(close);

/** A projected token has one to four KiB; Entra refuses far less than this. */
const MAX_BYTES = 64 * 1_024;

/**
 * Reads a regular file as UTF-8.
 * @throws an error with a `code` as Node's own; EISDIR, EFBIG and EINVAL (a device, a pipe) included.
 */
export async function readSmallFile(path: string, maxBytes = MAX_BYTES): Promise<string> {
  // Without O_NONBLOCK, opening a named pipe waits for its writer and holds a thread of the pool for good.
  const file = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await statFile(file);
    if (stats.isDirectory()) throw withCode('EISDIR');
    if (!stats.isFile()) throw withCode('EINVAL');
    if (stats.size > maxBytes) throw withCode('EFBIG');
    return await readText(file, 'utf8');
  } finally {
    await closeFile(file);
  }
}

function withCode(code: 'EISDIR' | 'EINVAL' | 'EFBIG'): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}
