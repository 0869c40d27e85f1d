import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { WrittenFile } from './files/to-files.ts';

/**
 * Makes a folder with these files, or fills one that is empty. They are written to a folder of another name first, so that
 * a fault leaves nothing behind.
 * @throws Error if something is at the path already, or cannot be written.
 */
export async function writeFolder(path: string, files: readonly WrittenFile[]): Promise<void> {
  for (const file of files) assertInside(file.path);
  const target = await findTarget(path);
  // A folder that exists may be a mount: only files in it can be moved there.
  const beside = target.exists ? target.path : dirname(target.path);
  await mkdir(beside, { recursive: true });
  const draft = await mkdtemp(join(beside, `.${basename(target.path)}-`));
  try {
    for (const file of files) {
      const at = join(draft, file.path);
      await mkdir(dirname(at), { recursive: true });
      // Fails if two files have one name, also where the file system ignores case.
      await writeFile(at, file.text, { flag: 'wx' });
      if (file.isProgram) await chmod(at, (await stat(at)).mode | 0o111);
    }
    if (target.exists) await moveInto(draft, target.path);
    else await publish(draft, target.path);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Names of objects are part of the paths. They have been made safe; this is the second look. */
function assertInside(path: string): void {
  const isSafe = path.split('/').every((part) => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(part));
  if (!isSafe) throw new Error(`${JSON.stringify(path)} is not a safe name for a file`);
}

async function findTarget(
  path: string,
): Promise<{ readonly path: string; readonly exists: boolean }> {
  let entries: readonly string[];
  try {
    entries = await readdir(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return { path: resolve(path), exists: false };
    if (code === 'ENOTDIR') throw new Error('there is a file of that name; name a new folder');
    throw error;
  }
  if (entries.length > 0) throw new Error('the folder is not empty; name a new or an empty one');
  return { path: await realpath(path), exists: true };
}

/** mkdtemp makes folders for their owner alone. */
async function publish(draft: string, target: string): Promise<void> {
  await chmod(draft, 0o777 & ~process.umask());
  await rename(draft, target);
}

/** Entry by entry, because the folder itself may be the current one; entries that have moved are removed after a fault. */
async function moveInto(draft: string, target: string): Promise<void> {
  const moved: string[] = [];
  try {
    for (const entry of await readdir(draft)) {
      await rename(join(draft, entry), join(target, entry));
      moved.push(entry);
    }
  } catch (error) {
    for (const entry of moved) await rm(join(target, entry), { recursive: true, force: true });
    throw error;
  }
}
