import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Client } from './client.ts';
import { runAll } from './commands.ts';
import { toEcosystem } from './ecosystems.ts';
import { keepLock, readLock } from './lock.ts';

const programs = join(import.meta.dirname, '..', 'programs');
/** Kept between runs, and not in node_modules, which `npm ci` empties. */
const cache = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'workload-identity-imds-proxy',
  'clients',
);
const installDeadlineMs = 15 * 60_000;

/**
 * Fetches and builds a client as its lock files say, unless it is there.
 * @returns the command that starts it, to be followed by the arguments of the program
 * @throws with what the ecosystem's tool said
 */
export async function install(client: Client): Promise<readonly string[]> {
  const ecosystem = toEcosystem(client);
  const directory = join(cache, client.id);
  const command = ecosystem.command(client, directory);
  const files = await collect(client, await readLock(client));
  const steps = ecosystem.install(client);
  const stamp = createHash('sha256')
    .update(JSON.stringify([steps, Object.entries(files).sort()]))
    .digest('hex');
  const stampFile = join(directory, '.installed');
  if (existsSync(stampFile) && (await readFile(stampFile, 'utf8')) === stamp) return command;
  await rm(directory, { recursive: true, force: true });
  await lay(files, directory);
  await runAll(steps, directory, installDeadlineMs);
  await writeFile(stampFile, stamp);
  return command;
}

/** Chooses the versions of everything that a client needs anew, and keeps them. */
export async function lock(client: Client): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'clients-lock-'));
  try {
    await lay(await collect(client, {}), directory);
    await runAll(toEcosystem(client).lock(client), directory, installDeadlineMs);
    await keepLock(client, directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What is in a client's directory before any tool runs, by name. */
async function collect(
  client: Client,
  locked: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const ecosystem = toEcosystem(client);
  const [firstLock] = Object.values(locked);
  const files: Record<string, string> = { ...ecosystem.manifest(client, firstLock), ...locked };
  for (const source of ecosystem.sources(client)) {
    for (const file of await listFiles(join(programs, source))) {
      files[basename(file)] = await readFile(file, 'utf8');
    }
  }
  return files;
}

async function listFiles(path: string): Promise<readonly string[]> {
  if ((await stat(path)).isFile()) return [path];
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => join(path, name));
}

async function lay(files: Readonly<Record<string, string>>, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
}
