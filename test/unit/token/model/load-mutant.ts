import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Mutant } from './mutants.ts';
import type { CreateSource } from './world.ts';

const source = join(import.meta.dirname, '../../../../src');

/**
 * Loads a copy of src/proxy/token in which a fault has been put; all else is the original.
 * @param home a directory that the caller removes
 * @param index names the copy within it
 */
export async function loadMutant(
  home: string,
  index: number,
  mutant: Mutant | undefined,
): Promise<CreateSource> {
  const proxy = join(home, String(index), 'proxy');
  mkdirSync(proxy, { recursive: true });
  writeFileSync(join(home, String(index), 'package.json'), '{"type":"module"}');
  symlinkSync(join(source, 'shared'), join(home, String(index), 'shared'));
  for (const name of readdirSync(join(source, 'proxy'))) {
    if (name !== 'token') symlinkSync(join(source, 'proxy', name), join(proxy, name));
  }
  cpSync(join(source, 'proxy/token'), join(proxy, 'token'), { recursive: true });
  if (mutant !== undefined) {
    const path = join(proxy, 'token', mutant.file);
    const parts = readFileSync(path, 'utf8').split(mutant.from);
    if (parts.length !== 2) {
      throw new Error(`${mutant.file} holds "${mutant.from}" ${parts.length - 1} times, not once`);
    }
    writeFileSync(path, parts.join(mutant.to));
  }
  const url = pathToFileURL(join(proxy, 'token/caching-source.ts')).href;
  const module = (await import(url)) as { createCachingSource: CreateSource };
  return module.createCachingSource;
}
