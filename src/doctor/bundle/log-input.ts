import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { describeReadFault } from '../../shared/small-file.ts';
import { BundleFault } from './bundle-fault.ts';

/** The last part of a longer log is kept. */
export const maxLogBytes = 1_048_576;

/** Of a log on standard input, no more is read. */
export const maxLogInputBytes = 64 * 1_048_576;

/** `kubectl logs --follow` never ends. */
export const logDeadlineMs = 30_000;

export interface LogInput {
  readonly stdin?: Readable;
  readonly deadlineMs?: number;
}

/**
 * Reads the end of a log.
 * @param source a path, or `-` for standard input
 * @returns its text from the beginning of a line
 * @throws BundleFault if there is no such file
 */
export async function readLog(
  source: string,
  { stdin = process.stdin, deadlineMs = logDeadlineMs }: LogInput = {},
): Promise<string> {
  if (source === '-') return toWholeLines(await readTail(stdin, deadlineMs));
  try {
    // Without O_NONBLOCK, opening a named pipe waits for its writer.
    const file = await open(source, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) {
      await file.close();
      throw Object.assign(new Error('not a file'), {
        code: stats.isDirectory() ? 'EISDIR' : 'EINVAL',
      });
    }
    const start = Math.max(0, stats.size - maxLogBytes - 1);
    return toWholeLines(await readTail(file.createReadStream({ start }), deadlineMs));
  } catch (error) {
    const why = describeReadFault(error, maxLogInputBytes);
    throw new BundleFault(
      `--log: ${source} ${why}; name a file with the output of kubectl logs, or -`,
    );
  }
}

interface Tail {
  readonly bytes: Buffer;
  readonly isCut: boolean;
}

async function readTail(stream: Readable, deadlineMs: number): Promise<Tail> {
  let chunks: Buffer[] = [];
  let kept = 0;
  let total = 0;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stream.destroy();
  }, deadlineMs);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      kept += chunk.length;
      total += chunk.length;
      if (kept > 2 * maxLogBytes) {
        chunks = [Buffer.concat(chunks).subarray(-maxLogBytes)];
        kept = maxLogBytes;
      }
      if (total > maxLogInputBytes) break;
    }
  } catch (error) {
    // A stream that is destroyed says that it ended too early.
    if (!isLate) throw error;
  } finally {
    clearTimeout(timer);
  }
  return { bytes: Buffer.concat(chunks).subarray(-maxLogBytes), isCut: total > maxLogBytes };
}

function toWholeLines({ bytes, isCut }: Tail): string {
  const all = bytes.toString('utf8');
  return isCut ? all.slice(all.indexOf('\n') + 1) : all;
}
