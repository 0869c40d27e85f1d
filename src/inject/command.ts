import { runInject } from './main.ts';
import { createNodeIo } from './node-io.ts';
import type { CommandName } from './parse-command.ts';

/**
 * `inject` or `uninject` on the files and streams of this process. Whoever dispatches commands imports this
 * only when it is asked for: it brings a YAML parser along.
 * @returns the exit code, when everything is printed.
 */
export function runInjectCommand(name: CommandName, argv: readonly string[]): Promise<number> {
  return runInject(argv, createNodeIo(), name);
}
