import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rename,
  rm,
  rmdir,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';

/** A file in a projected volume, written the way the kubelet writes it. */
export interface ProjectedFile {
  /** What an application opens. */
  readonly path: string;
  /** Replaces the content in one step: whoever reads `path` sees all of the old or all of the new. */
  write(content: string): Promise<void>;
  /** Takes away all that was written, the directory included if nothing else is in it. */
  remove(): Promise<void>;
}

/**
 * The layout of the kubelet's atomic writer: `NAME -> ..data/NAME`, `..data -> ..2026_11_22_12_33_04.X`,
 * and the content in that folder; an update makes a new folder and renames a new `..data` over the old.
 * Unlike the kubelet, the folder before the current one is kept until the next update. A reader that had
 * resolved `..data` just before the swap would otherwise now and then find nothing.
 */
export function createProjectedFile(
  clock: { epochMs(): number },
  { directory, name }: { readonly directory: string; readonly name: string },
): ProjectedFile {
  const dataLink = join(directory, '..data');
  const path = join(directory, name);

  const write = async (content: string): Promise<void> => {
    await mkdir(directory, { recursive: true });
    const folder = await mkdtemp(join(directory, `${toStamp(clock.epochMs())}.`));
    await chmod(folder, 0o755);
    await writeFile(join(folder, name), content, { mode: 0o644 });
    await chmod(join(folder, name), 0o644);
    const previous = await readlink(dataLink).catch(() => undefined);
    await replaceLink(dataLink, basename(folder));
    await ensureLink(path, join('..data', name));
    await removeFolders(directory, [basename(folder), previous]);
  };

  // One update at a time: two would take away each other's folders.
  let last: Promise<void> = Promise.resolve();
  return {
    path,
    write(content) {
      last = last.catch(() => undefined).then(() => write(content));
      return last;
    },
    async remove() {
      await last.catch(() => undefined);
      await Promise.all([rm(path, { force: true }), rm(dataLink, { force: true })]);
      await removeFolders(directory, []);
      // Another file may be in the volume; then it stays.
      await rmdir(directory).catch(() => undefined);
    },
  };
}

/** Points a symbolic link elsewhere without a moment in which it does not exist. */
async function replaceLink(link: string, target: string): Promise<void> {
  const temporary = `${link}_tmp`;
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, link);
}

async function ensureLink(link: string, target: string): Promise<void> {
  const found = await readlink(link).catch(() => undefined);
  if (found !== target) await replaceLink(link, target);
}

async function removeFolders(
  directory: string,
  keep: readonly (string | undefined)[],
): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const old = names.filter((name) => /^\.\.\d{4}_/.test(name) && !keep.includes(name));
  await Promise.all(old.map((name) => rm(join(directory, name), { recursive: true, force: true })));
}

/** The kubelet's name for a moment: `..2026_11_22_12_33_04`. */
function toStamp(epochMs: number): string {
  return `..${new Date(epochMs).toISOString().slice(0, 19).replace(/[-T:]/g, '_')}`;
}
