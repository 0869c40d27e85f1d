import { spawnSync } from 'node:child_process';
import { basename, dirname, join } from 'node:path';

/**
 * Writes `<file>.cache` for a bundle that exports `warmUp`: the code that V8 has compiled after the warm-up.
 * It is made by the Node binary that will run the bundle. The same binary makes the same bytes of the same bundle.
 */
export function writeCodeCache(node: string, file: string): void {
  // The seed orders V8's hash tables. The collector would leave traces of when it ran: a large nursery lets it never
  // run, and in other threads it would still look around. V8 counts none of these among the flags that a cache
  // depends on.
  const flags = ['--random-seed=1', '--single-threaded-gc', '--min-semi-space-size=64'];
  const program = [...flags, join(import.meta.dirname, 'write-code-cache.ts')];
  const { status, signal, error, stderr } = spawnSync(node, [...program, basename(file)], {
    // The cache holds the name of the bundle: relative, because the folder of a build has a random name.
    cwd: dirname(file),
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status === 0) return;
  // The end of it: an error begins with the line of code, which is the whole bundle.
  const why = error?.message ?? signal ?? stderr.slice(-2_000);
  throw new Error(`the code cache of ${basename(file)} could not be made: ${why}`);
}
