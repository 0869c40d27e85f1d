import { open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeStderr } from '../shared/stderr.ts';
import type { InjectIo } from './io.ts';

/** Files, standard input and standard output of this process. Input has no deadline: it ends when it ends. */
export function createNodeIo(): InjectIo {
  return {
    isStdinPiped: process.stdin.isTTY !== true,
    async readStdin() {
      const parts: Buffer[] = [];
      for await (const part of process.stdin) parts.push(part);
      return decode(Buffer.concat(parts));
    },
    readFile: async (path) => decode(await readFile(path)),
    writeFile: replaceFile,
    listFolder,
    stdout: writeStdout,
    stderr: writeStderr,
  };
}

function writeStdout(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Without a listener the event of the same error would end the process first.
    process.stdout.once('error', reject);
    process.stdout.write(text, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

function decode(bytes: Uint8Array): string {
  try {
    // The mark that some editors put first belongs to the file and must come out again.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error('it is not UTF-8; convert it first');
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const target = await realpath(path);
  const { mode } = await stat(target);
  const draft = `${target}.${process.pid}.tmp`;
  // Fails if there is such a file, which is then not ours to remove.
  const handle = await open(draft, 'wx', mode);
  try {
    await handle.writeFile(text);
    // The mode given above loses what the umask forbids.
    await handle.chmod(mode);
    await handle.close();
    await rename(draft, target);
  } catch (error) {
    await handle.close();
    await rm(draft, { force: true });
    throw error;
  }
}

async function listFolder(path: string): Promise<readonly string[] | undefined> {
  if (!(await stat(path)).isDirectory()) return undefined;
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
