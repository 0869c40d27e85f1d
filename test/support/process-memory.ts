import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';

const chunkBytes = 4 * 1_048_576;

/**
 * How often a text stands in the memory that a process got from the C library's `malloc`, used or freed: Linux calls
 * it `[heap]`. The heap of V8 is elsewhere. Needs `MALLOC_ARENA_MAX=1`, with which there is no other arena.
 */
export async function countInMalloc(pid: number, text: string): Promise<number> {
  const range = /^([0-9a-f]+)-([0-9a-f]+) .*\[heap\]$/m.exec(
    readFileSync(`/proc/${pid}/maps`, 'utf8'),
  );
  if (range === null) throw new Error(`process ${pid} has no heap`);
  const [from = 0, to = 0] = range.slice(1).map((address) => Number.parseInt(address, 16));
  const memory = await open(`/proc/${pid}/mem`);
  let count = 0;
  try {
    for (let at = from; at < to; at += chunkBytes) {
      // The end of one chunk and the beginning of the next overlap by less than the text.
      const length = Math.min(chunkBytes + text.length - 1, to - at);
      const { buffer, bytesRead } = await memory.read(Buffer.alloc(length), 0, length, at);
      count += buffer.toString('latin1', 0, bytesRead).split(text).length - 1;
    }
  } finally {
    await memory.close();
  }
  return count;
}
