import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from './client.ts';
import { toEcosystem } from './ecosystems.ts';

const locks = join(import.meta.dirname, '..', 'locks');

/** Where a client's lock files are kept, so that a run means the same tomorrow. */
export function toLockDirectory({ id }: Client): string {
  return join(locks, id);
}

/** A client's lock files by name. @throws if one is missing */
export async function readLock(client: Client): Promise<Readonly<Record<string, string>>> {
  const entries = toEcosystem(client).lockFiles.map(async (name) => {
    const file = join(toLockDirectory(client), name);
    return [name, await readFile(file, 'utf8')] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Keeps the lock files that were made in a directory. */
export async function keepLock(client: Client, directory: string): Promise<void> {
  for (const name of toEcosystem(client).lockFiles) {
    await mkdir(toLockDirectory(client), { recursive: true });
    await cp(join(directory, name), join(toLockDirectory(client), name));
  }
}
