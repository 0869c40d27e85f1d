import type { InjectIo } from '../inject/io.ts';
import type { WrittenFile } from './files/to-files.ts';

/** What `migrate` needs of the outside beyond what `inject` does. */
export interface MigrateIo extends InjectIo {
  /**
   * Makes a folder with these files, or fills one that is empty: all of them, or none. Whatever fails throws an Error
   * that says why.
   */
  writeFolder(path: string, files: readonly WrittenFile[]): Promise<void>;
}
