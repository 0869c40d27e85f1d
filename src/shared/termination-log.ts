import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { toErrorCode } from './small-file.ts';
import { redactTokens, toPrintable } from './untrusted-text.ts';

/** The kubelet's own default of `terminationMessagePath`. */
export const usualTerminationLog = '/dev/termination-log';

/** The kubelet reads no more of the file. */
export const MAX_TERMINATION_BYTES = 4_096;

/**
 * The kubelet made the file, so it is neither created nor reached through a symbolic link. A pipe must not make
 * the end of the process wait for its reader, and a terminal must not become ours.
 */
const OPEN_FLAGS =
  constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Why a program ends, or its result. */
export interface TerminationMessage {
  readonly message: string;
  /** What to change. Kept whole if the message must be cut. */
  readonly remedy?: string | undefined;
}

/**
 * Writes a message where the kubelet looks for it: `kubectl describe pod` shows it in the state of the
 * container. Without the file nobody looks, and nothing is written. Anything that cannot be the kubelet's file
 * stays as it is: a link, a device, a file with a second name or with more than 4,096 bytes.
 * @returns why it could not be written; undefined if it was, or if there is no such file.
 */
export function writeTerminationLog(path: string, message: TerminationMessage): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, OPEN_FLAGS);
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.nlink !== 1 || stats.size > MAX_TERMINATION_BYTES) {
      return 'it is not a termination log of the kubelet';
    }
    ftruncateSync(file);
    writeSync(file, toTerminationText(message), 0);
    return undefined;
  } catch (error) {
    const code = toErrorCode(error);
    return code === 'ENOENT' ? undefined : code;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** At most 4,096 bytes, without tokens and without characters that a terminal would act on. */
export function toTerminationText({ message, remedy }: TerminationMessage): string {
  const end = remedy === undefined ? '\n' : ` ${cut(clean(remedy), MAX_TERMINATION_BYTES / 2)}\n`;
  return `${cut(clean(message), MAX_TERMINATION_BYTES - Buffer.byteLength(end))}${end}`;
}

function clean(text: string): string {
  return redactTokens(text.slice(0, MAX_TERMINATION_BYTES))
    .split('\n')
    .map((line) => toPrintable(line).trimEnd())
    .join('\n')
    .trim();
}

const ELLIPSIS = '…';

/** Cuts between characters, whatever their length in UTF-8. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = Math.max(0, maxBytes - Buffer.byteLength(ELLIPSIS));
  // Bytes that continue a character are 10xxxxxx.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}${ELLIPSIS}`;
}
