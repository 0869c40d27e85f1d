import { constants, fstatSync, openSync, writeSync } from 'node:fs';

/** Writes to a file descriptor as `fs.writeSync` does. */
export type WriteSync = (fd: number, bytes: Uint8Array, offset: number) => number;

/** How long a line may wait for the reader of a full pipe. */
export const longestWaitMs = 100;

/**
 * Writes lines to a file descriptor, at once and whole, so that nothing is lost when the process exits.
 * `process.stderr` would do the same but loads the stream machinery first. It never throws: a line that
 * cannot be written is lost. If a pipe is full, the first line waits up to 100 ms; after that each line gets
 * one attempt until somebody has read.
 */
export function createLineWriter(
  descriptor: number,
  write: WriteSync = writeSync,
): (line: string) => void {
  let fd: number | undefined;
  let isUnread = false;
  let isTorn = false;
  return (line) => {
    fd ??= openWithoutBlocking(descriptor);
    const bytes = Buffer.from(isTorn ? `\n${line}` : line);
    let written = 0;
    let waitedMs = 0;
    while (written < bytes.length) {
      try {
        written += write(fd, bytes, written);
        isUnread = false;
      } catch (error) {
        // The pipe is shared with whoever else holds it and may have been made non-blocking there.
        const isFull = error instanceof Error && 'code' in error && error.code === 'EAGAIN';
        if (isFull && !isUnread && waitedMs < longestWaitMs) {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
          waitedMs += 1;
          continue;
        }
        isUnread = isFull;
        isTorn ||= written > 0;
        return;
      }
    }
    isTorn = false;
  };
}

/**
 * Opens a pipe a second time: a full one must not block the process, and the flag for that belongs to an
 * opening, which others may share. @returns the descriptor itself if it is not a pipe or cannot be opened
 */
function openWithoutBlocking(fd: number): number {
  try {
    if (!fstatSync(fd).isFIFO()) return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return fd;
  }
}

/** Writes a line to standard error. */
export const writeStderr = createLineWriter(2);
