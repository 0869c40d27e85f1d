import { writeSync } from 'node:fs';

/** Writes to a file descriptor as `fs.writeSync` does. */
export type WriteSync = (fd: number, bytes: Uint8Array, offset: number) => number;

const longestWaitMs = 100;

/**
 * Writes lines to a file descriptor, at once and whole, so that nothing is lost when the process exits.
 * `process.stderr` would do the same but loads the stream machinery first. A reader that has gone away or
 * does not read costs its lines, never the process.
 */
export function createLineWriter(fd: number, write: WriteSync = writeSync): (line: string) => void {
  return (line) => {
    const bytes = Buffer.from(line);
    let written = 0;
    let waitedMs = 0;
    while (written < bytes.length) {
      try {
        written += write(fd, bytes, written);
      } catch (error) {
        // The pipe is shared with whoever else holds it and may have been made non-blocking there.
        const isFull = error instanceof Error && 'code' in error && error.code === 'EAGAIN';
        if (!isFull || waitedMs >= longestWaitMs) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        waitedMs += 1;
      }
    }
  };
}

/** Writes a line to standard error. */
export const writeStderr = createLineWriter(2);
