import { createNodeIo } from '../inject/node-io.ts';
import { runMigrate } from './main.ts';
import { writeFolder } from './write-folder.ts';

/**
 * `migrate` on the files and streams of this process. Whoever dispatches commands imports this only when it is asked
 * for.
 * @returns the exit code, when everything is printed.
 */
export function runMigrateCommand(argv: readonly string[]): Promise<number> {
  return runMigrate(argv, { ...createNodeIo(), writeFolder });
}
