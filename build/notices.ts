/**
 * Prints the licences of the packages in the bundles, for the images: every package of package-lock.json that
 * is not `dev`. Run `npm ci` first.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

/**
 * @param isWanted by the name of a package
 * @throws if a package says nothing of its licence
 */
export async function renderNotices(
  isWanted: (name: string) => boolean = () => true,
): Promise<string> {
  const lock: unknown = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const { packages } = lock as { readonly packages: Readonly<Record<string, LockedPackage>> };
  const notices: string[] = [];
  for (const [folder, { version, license, dev, optional }] of Object.entries(packages)) {
    if (folder === '' || dev === true || optional === true) continue;
    const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (!isWanted(name)) continue;
    const texts = await readLicences(join(root, folder));
    if (texts.length === 0 && license === undefined) {
      throw new Error(`${name} ${version} says nothing of its licence: it must not be shipped`);
    }
    notices.push([`${name} ${version} (${license ?? 'see below'})`, ...texts].join('\n\n'));
  }
  return `${notices.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

async function readLicences(folder: string): Promise<readonly string[]> {
  const files = (await readdir(folder)).filter((name) => /^(licen[cs]e|notice)/i.test(name));
  return Promise.all(
    files.sort().map(async (name) => (await readFile(join(folder, name), 'utf8')).trim()),
  );
}

if (import.meta.main) process.stdout.write(await renderNotices());
