import { writeSync } from 'node:fs';

/** Writes to a file descriptor as `fs.writeSync` does. */
export type WriteSync = (fd: number, bytes: Uint8Array, offset: number) => number;

const longestWaitMs = 100;

/**
 * Writes lines to a file descriptor, at once and whole, so that nothing is lost when the process exits.
 * `process.stderr` would do the same but loads the stream machinery first. It never throws: what cannot be
 * written is lost. A non-blocking pipe that is full is waited for once; then each line gets one try until
 * somebody has read. A blocking one that is full blocks the process, as it does every other writer: the
 * flag belongs to all who hold the pipe, and is not ours to change.
 */
export function createLineWriter(fd: number, write: WriteSync = writeSync): (line: string) => void {
  let isUnread = false;
  let isTorn = false;
  return (line) => {
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

/** Writes a line to standard error. */
export const writeStderr = createLineWriter(2);
