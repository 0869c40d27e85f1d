import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProxyProcess } from './proxy-process.ts';

/** The setting for a proxy that writes a heap snapshot into a folder on SIGUSR2. */
export const toSnapshotOptions = (folder: string): string =>
  `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${folder}`;

/**
 * The strings that live in a proxy's heap after a garbage collection. V8 cuts those of more than 1,024 characters.
 * @param folder that of `toSnapshotOptions`
 */
export async function takeHeapStrings(
  proxy: ProxyProcess,
  folder: string,
): Promise<readonly string[]> {
  proxy.child.kill('SIGUSR2');
  const deadlineAt = Date.now() + 60_000;
  for (;;) {
    const [name] = (await readdir(folder)).filter((each) => each.endsWith('.heapsnapshot'));
    const file = name === undefined ? undefined : join(folder, name);
    const text = file === undefined ? '' : await readFile(file, 'utf8');
    // Written piece by piece.
    if (file !== undefined && text.endsWith('}')) {
      await rm(file);
      return (JSON.parse(text) as { strings: readonly string[] }).strings;
    }
    if (Date.now() > deadlineAt) throw new Error('no heap snapshot');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
