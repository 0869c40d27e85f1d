import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * Writes `<file>.cache` for a bundle that exports `warmUp`: the code that V8 has compiled after the warm-up.
 * It is made by the Node binary that will run the bundle.
 */
export function writeCodeCache(node: string, file: string): void {
  execFileSync(node, [join(import.meta.dirname, 'write-code-cache.ts'), file], {
    stdio: 'inherit',
  });
}
