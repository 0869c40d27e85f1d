import {
  describeReadFault,
  MAX_SETTING_FILE_BYTES,
  readSmallFileSync,
  toErrorCode,
} from '../../shared/small-file.ts';

/** The content of a file, or why it cannot be read. */
export type SettingFile =
  | { readonly ok: true; readonly content: string }
  /** The fault continues a sentence that begins with the file; the code is Node's. */
  | { readonly ok: false; readonly code: string; readonly fault: string };

/** Reads a file that a setting names, at startup. */
export function readSettingFile(path: string): SettingFile {
  try {
    return { ok: true, content: readSmallFileSync(path, MAX_SETTING_FILE_BYTES) };
  } catch (error) {
    return {
      ok: false,
      code: toErrorCode(error),
      fault: describeReadFault(error, MAX_SETTING_FILE_BYTES),
    };
  }
}
