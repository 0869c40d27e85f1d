import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** What a file holds, or why it cannot be had. */
export type SettingFile =
  | { readonly ok: true; readonly content: string }
  /** The fault continues a sentence that begins with the file; the code is Node's. */
  | { readonly ok: false; readonly code: string; readonly fault: string };

/** A ConfigMap cannot hold more. */
const MAX_BYTES = 1_024 * 1_024;

/** Reads a file that a setting names, at the start. Never waits for a pipe. */
export function readSettingFile(path: string): SettingFile {
  try {
    // Without O_NONBLOCK, opening a named pipe waits for its writer.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(file);
      if (!stats.isFile() && !stats.isDirectory()) {
        return { ok: false, code: 'EINVAL', fault: 'is not a regular file' };
      }
      if (stats.isFile() && stats.size > MAX_BYTES) {
        return { ok: false, code: 'EFBIG', fault: 'has more than 1 MiB' };
      }
      return { ok: true, content: readFileSync(file, 'utf8') };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return { ok: false, code, fault: `cannot be read (${code})` };
  }
}
