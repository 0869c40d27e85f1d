import { createReadStream } from 'node:fs';
import { open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { MAX_SETTING_FILE_BYTES, readSmallFile } from '../shared/small-file.ts';
import { writeStderr } from '../shared/stderr.ts';
import type { Folder, InjectIo } from './io.ts';

/** More than any manifest; a file that never ends must not take all memory. */
export const MAX_INPUT_BYTES = 256 * 1_024 * 1_024;

/** Files, standard input and standard output of this process. Input has no deadline: it ends when it ends. */
export function createNodeIo(): InjectIo {
  return {
    isStdinPiped: process.stdin.isTTY !== true,
    readStdin: () => readAll(process.stdin, MAX_INPUT_BYTES),
    readFile: (path) => readAll(createReadStream(path), MAX_INPUT_BYTES),
    async readSmallFile(path) {
      try {
        return await readSmallFile(path, MAX_SETTING_FILE_BYTES);
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    writeFile: replaceFile,
    listFolder,
    variable: (name) => process.env[name],
    stdout: writeStdout,
    stderr: writeStderr,
  };
}

/** @throws if there is more than `maxBytes`, or if it is not UTF-8. */
export async function readAll(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<string> {
  // The mark that some editors put first belongs to the file and must come out again.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const parts: string[] = [];
  let bytes = 0;
  for await (const part of stream) {
    bytes += part.length;
    if (bytes > maxBytes) {
      throw new Error(`it is larger than ${maxBytes / 1_048_576} MiB; split it`);
    }
    parts.push(decode(() => decoder.decode(part, { stream: true })));
  }
  parts.push(decode(() => decoder.decode()));
  return parts.join('');
}

function decode(step: () => string): string {
  try {
    return step();
  } catch {
    throw new Error('it is not UTF-8; convert it first');
  }
}

function writeStdout(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Without a listener the event of the same error would end the process first.
    process.stdout.once('error', reject);
    process.stdout.write(text, (error) => {
      process.stdout.off('error', reject);
      if (error) reject(error);
      else resolve();
    });
  });
}

async function replaceFile(path: string, text: string): Promise<void> {
  const target = await resolvePath(path);
  const mode = await modeOf(target);
  const draft = `${target}.${process.pid}.tmp`;
  // Fails if there is such a file, which is then not ours to remove.
  const handle = await open(draft, 'wx', mode);
  try {
    await handle.writeFile(text);
    // The umask takes bits from the mode given above.
    if (mode !== undefined) await handle.chmod(mode);
    await handle.close();
    await rename(draft, target);
  } catch (error) {
    await handle.close();
    await rm(draft, { force: true });
    throw error;
  }
}

async function resolvePath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isMissing(error)) return path;
    throw error;
  }
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function listFolder(path: string): Promise<Folder | undefined> {
  if (!(await stat(path)).isDirectory()) return undefined;
  const root = await realpath(path);
  const files: string[] = [];
  const outside: string[] = [];
  // Node's own recursive listing follows links to folders.
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const file = join(folder, entry.name);
      if (entry.isDirectory()) await walk(file);
      else if (!entry.isSymbolicLink() || (await isWithin(root, file))) files.push(file);
      else outside.push(file);
    }
  };
  await walk(path);
  return { files: files.sort(), outside: outside.sort() };
}

/** Whether a link leads to a file in the folder; links to folders in it are read there anyway. */
async function isWithin(root: string, link: string): Promise<boolean> {
  try {
    const target = await realpath(link);
    return target.startsWith(`${root}${sep}`) && (await stat(target)).isFile();
  } catch {
    return false;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
