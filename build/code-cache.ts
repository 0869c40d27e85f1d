import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * Writes `<file>.cache` beside a bundle that exports `warmUp`: V8's code after the warm-up, made by the
 * very Node binary that will run it.
 */
export function writeCodeCache(node: string, file: string): void {
  execFileSync(node, [join(import.meta.dirname, 'write-code-cache.ts'), file], {
    stdio: 'inherit',
  });
}
