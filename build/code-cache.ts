import { execFileSync } from 'node:child_process';

/**
 * Writes `<file>.cache` beside a bundle: V8's compiled code after the bundle's own warm-up, made by the
 * very Node binary that will run it (V8 refuses a cache of another version or with other flags, and the
 * loader then compiles the source as usual).
 */
export async function writeCodeCache(node: string, file: string): Promise<void> {
  execFileSync(node, [file], {
    env: { IMDS_PROXY_WRITE_CODE_CACHE: `${file}.cache` },
    stdio: 'inherit',
  });
}
