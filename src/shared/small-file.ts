// The promise flavour of node:fs takes 2 ms to load.
import {
  close,
  closeSync,
  constants,
  fstat,
  fstatSync,
  open,
  openSync,
  read,
  readSync,
  type Stats,
} from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);
const statFile = promisify(fstat);
const closeFile = promisify(close);

/** A file that a setting names: a ConfigMap cannot hold more. */
export const MAX_SETTING_FILE_BYTES = 1_024 * 1_024;

/** A projected volume is memory. A read that takes longer than this has met a hung file system. */
export const READ_DEADLINE_MS = 2_000;

/**
 * Opening a named pipe without O_NONBLOCK waits for its writer, and reading /proc/kmsg without it waits for
 * the next line. O_NOCTTY keeps a terminal from becoming ours.
 */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Buffers are whole pages: some files of /proc take no other lengths. */
const PAGE_BYTES = 4_096;

const FIRST_READ_BYTES = 2 * PAGE_BYTES;

const running = new Map<string, Promise<string>>();

/**
 * Reads a regular file as UTF-8, at most `maxBytes` of it, within `deadlineMs`. The size that the system
 * reports does not matter: /proc/self/pagemap reports 0 and never ends. Calls for one path share one read
 * while it runs, so that a hung file system holds one thread of Node's pool and not all four.
 * @throws an error with a `code`: Node's own, or EISDIR, EINVAL (a device, pipe or socket), EFBIG (more than
 * `maxBytes`) or ETIMEDOUT.
 */
export function readSmallFile(
  path: string,
  maxBytes: number,
  deadlineMs = READ_DEADLINE_MS,
): Promise<string> {
  const key = `${maxBytes} ${path}`;
  let reading = running.get(key);
  if (reading === undefined) {
    reading = readOnce(path, maxBytes).finally(() => running.delete(key));
    running.set(key, reading);
  }
  return within(reading, deadlineMs);
}

async function readOnce(path: string, maxBytes: number): Promise<string> {
  const file = await openFile(path, OPEN_FLAGS);
  let bytes: Content | undefined;
  try {
    bytes = new Content(await statFile(file), maxBytes);
    for (;;) {
      const { buffer, offset, length } = bytes.free();
      const count = await readBytes(file, buffer, offset, length);
      if (count === 0) return bytes.toText();
      bytes.add(count);
    }
  } finally {
    bytes?.erase();
    await closeFile(file);
  }
}

/**
 * The same, for the start, when nothing is served yet. It has no deadline: no regular file that is open with
 * O_NONBLOCK makes it wait, except on a file system that does not answer at all.
 * @throws as `readSmallFile`, but never ETIMEDOUT.
 */
export function readSmallFileSync(path: string, maxBytes: number): string {
  const file = openSync(path, OPEN_FLAGS);
  let bytes: Content | undefined;
  try {
    bytes = new Content(fstatSync(file), maxBytes);
    for (;;) {
      const { buffer, offset, length } = bytes.free();
      const count = readSync(file, buffer, offset, length, null);
      if (count === 0) return bytes.toText();
      bytes.add(count);
    }
  } finally {
    bytes?.erase();
    closeSync(file);
  }
}

/** What is wrong with a file that could not be read. Continues a sentence that begins with the file. */
export function describeReadFault(thrown: unknown, maxBytes: number): string {
  const code = toErrorCode(thrown);
  switch (code) {
    case 'EISDIR':
      return 'is a directory';
    case 'EINVAL':
      return 'is not a regular file';
    case 'EFBIG':
      return maxBytes >= 1_024 * 1_024
        ? `has more than ${maxBytes / (1_024 * 1_024)} MiB`
        : `has more than ${maxBytes / 1_024} KiB`;
    case 'ETIMEDOUT':
      return `could not be read within ${READ_DEADLINE_MS / 1_000} s`;
    default:
      return `cannot be read (${code})`;
  }
}

/** The `code` of an error of Node or of this file. */
export function toErrorCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown error';
}

/** What has been read so far. The buffer has room for one byte more than allowed, to see that there is more. */
class Content {
  readonly #maxBytes: number;
  #buffer: Buffer;
  #length = 0;

  constructor(stats: Stats, maxBytes: number) {
    if (stats.isDirectory()) throw withCode('EISDIR');
    if (!stats.isFile()) throw withCode('EINVAL');
    if (stats.size > maxBytes) throw withCode('EFBIG');
    this.#maxBytes = maxBytes;
    this.#buffer = allocateFor(Math.min(maxBytes, Math.max(stats.size, FIRST_READ_BYTES - 1)));
  }

  free(): { readonly buffer: Buffer; readonly offset: number; readonly length: number } {
    if (this.#length === this.#buffer.length) {
      const grown = allocateFor(Math.min(this.#maxBytes, 2 * this.#buffer.length - 1));
      this.#buffer.copy(grown);
      this.erase();
      this.#buffer = grown;
    }
    return {
      buffer: this.#buffer,
      offset: this.#length,
      length: this.#buffer.length - this.#length,
    };
  }

  add(count: number): void {
    this.#length += count;
    if (this.#length > this.#maxBytes) throw withCode('EFBIG');
  }

  erase(): void {
    this.#buffer.fill(0);
  }

  toText(): string {
    return this.#buffer.toString('utf8', 0, this.#length);
  }
}

/** @returns a buffer for more than that many bytes. */
function allocateFor(bytes: number): Buffer {
  return Buffer.allocUnsafe((Math.floor(bytes / PAGE_BYTES) + 1) * PAGE_BYTES);
}

function readBytes(file: number, buffer: Buffer, offset: number, length: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, buffer, offset, length, null, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

function within<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(withCode('ETIMEDOUT')), deadlineMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function withCode(code: 'EISDIR' | 'EINVAL' | 'EFBIG' | 'ETIMEDOUT'): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}
