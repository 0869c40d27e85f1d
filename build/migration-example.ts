/**
 * Writes the plan and the files of examples/aad-pod-identity with the commands of its README. A contract test fails
 * when they differ from what these commands would write: `npm run docs` brings them up to date.
 */
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');

/** Folder of the example. */
export const exampleFolder = join(root, 'examples/aad-pod-identity');

/**
 * Runs the commands of the README with the built program.
 * @param folder a copy of the example, or the example itself.
 */
export async function writeExample(folder: string): Promise<void> {
  const readme = await readFile(join(folder, 'README.md'), 'utf8');
  const [, commands] = /^```sh\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  if (commands === undefined)
    throw new Error('examples/aad-pod-identity/README.md has no shell block');
  await rm(join(folder, 'migration'), { recursive: true, force: true });
  const program = `proxy() { '${join(root, 'dist/proxy')}' "$@"; }\n`;
  await promisify(execFile)('bash', ['--norc', '-e', '-c', program + commands], {
    cwd: folder,
    timeout: 60_000,
  });
}

if (import.meta.main) await writeExample(exampleFolder);
